from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask

from omcrm.reference import asyncapi
from omcrm.reference.command import DOCS, api_docs, documents


@pytest.mark.parametrize("name", ["asyncapi.yaml", "openapi.json", "sources.md"])
def test_the_files_are_up_to_date(name: str, described_app: Flask) -> None:
    """After a change of messages or routes run `python manage.py api-docs --write`."""
    assert documents(described_app)[name] == (DOCS / name).read_text(encoding="utf-8")


def test_the_yaml_has_the_same_content(described_app: Flask) -> None:
    """As read by another YAML library."""
    assert asyncapi.document() == yaml.safe_load(documents(described_app)["asyncapi.yaml"])


def test_outdated_files_are_listed_and_written(tmp_path: Path) -> None:
    """Without `--write` it only compares, and exits with 1 where a file is outdated."""
    runner, folder = (
        CliRunner(env={"OMCRM_INSTANCE": str(tmp_path / "instance")}),
        ["--folder", str(tmp_path)],
    )
    compared = runner.invoke(api_docs, folder)
    written = runner.invoke(api_docs, [*folder, "--write"])
    again = runner.invoke(api_docs, folder)

    assert (1, 3) == (compared.exit_code, compared.output.count("is outdated"))
    assert (0, 3) == (written.exit_code, written.output.count("wrote "))
    assert (0, "") == (again.exit_code, again.output)
