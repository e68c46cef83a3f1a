"""`python manage.py api-docs`: writes the documents of sockets, routes and sources to files."""

import json
from pathlib import Path

import click
from flask import Flask

from omcrm.env_file import ROOT
from omcrm.reference import asyncapi, openapi, sources

DOCS = ROOT / "docs"
# A description is on one line, however long it is.
_LONGEST_LINE = 100_000


def documents(app: Flask) -> dict[str, str]:
    """The text of each file about this app, by its name."""
    # Most processes never write a document: they are spared the library.
    import yaml

    # By JSON, so that no value is the same object as another one: it would be written by reference.
    sockets = json.loads(json.dumps(asyncapi.document()))
    return {
        "asyncapi.yaml": yaml.safe_dump(
            sockets, sort_keys=False, allow_unicode=True, width=_LONGEST_LINE
        ),
        "openapi.json": json.dumps(openapi.document(app), indent=2, ensure_ascii=False) + "\n",
        "sources.md": sources.document(),
    }


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


@click.command()
@click.option("--write", is_flag=True, help="Write them; otherwise they are only compared.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=DOCS,
    help="Where they are; docs.",
)
def api_docs(write: bool, folder: Path) -> None:
    """Write docs/asyncapi.yaml, openapi.json and sources.md, or list which are outdated."""
    from omcrm import create_app

    texts = documents(create_app())
    outdated = [name for name, text in texts.items() if not _holds(folder / name, text)]
    if not write:
        for name in outdated:
            click.echo(f"{name} is outdated: python manage.py api-docs --write")
        raise SystemExit(1 if outdated else 0)
    for name in outdated:
        (folder / name).write_text(texts[name], encoding="utf-8")
        click.echo(f"wrote {folder / name}")
