from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from omcrm.reference import asyncapi
from omcrm.reference.command import DOCS, api_docs, documents, outdated


@pytest.mark.parametrize("name", ["asyncapi.yaml", "openapi.json"])
def test_the_files_are_what_they_would_be_now(name: str) -> None:
    """Whoever changes what is said runs `python manage.py api-docs --write`."""
    assert name not in outdated(DOCS)


def test_yaml_says_what_was_meant() -> None:
    """Another reader of YAML finds the same."""
    assert asyncapi.document() == yaml.safe_load(documents()["asyncapi.yaml"])


def test_outdated_files_are_told_and_written(tmp_path: Path) -> None:
    """Without `--write` it only looks, and fails where something is to be done."""
    runner, where = CliRunner(), ["--folder", str(tmp_path)]
    looked = runner.invoke(api_docs, where)
    written = runner.invoke(api_docs, [*where, "--write"])
    again = runner.invoke(api_docs, where)

    assert (1, 2) == (looked.exit_code, looked.output.count("is outdated"))
    assert (0, 2) == (written.exit_code, written.output.count("wrote "))
    assert (0, "") == (again.exit_code, again.output)
