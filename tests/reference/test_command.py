from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from omcrm.reference import asyncapi
from omcrm.reference.command import DOCS, api_docs, documents, outdated


@pytest.mark.parametrize("name", ["asyncapi.yaml", "openapi.json", "sources.md"])
def test_the_files_are_up_to_date(name: str) -> None:
    """After a change of messages run `python manage.py api-docs --write`."""
    assert name not in outdated(DOCS)


def test_the_yaml_has_the_same_content() -> None:
    """As read by another YAML library."""
    assert asyncapi.document() == yaml.safe_load(documents()["asyncapi.yaml"])


def test_outdated_files_are_listed_and_written(tmp_path: Path) -> None:
    """Without `--write` it only compares, and exits with 1 where a file is outdated."""
    runner, folder = CliRunner(), ["--folder", str(tmp_path)]
    compared = runner.invoke(api_docs, folder)
    written = runner.invoke(api_docs, [*folder, "--write"])
    again = runner.invoke(api_docs, folder)

    assert (1, 3) == (compared.exit_code, compared.output.count("is outdated"))
    assert (0, 3) == (written.exit_code, written.output.count("wrote "))
    assert (0, "") == (again.exit_code, again.output)
