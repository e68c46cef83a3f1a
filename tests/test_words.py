"""The words of the project: each class name means one thing, and retired names stay away."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT

FOLDERS = ("omcrm", "simulator", "bench", "tools", "tests", "migrations")
# Private classes of one file, and what a test calls its own, confuse nobody elsewhere.
PUBLIC = ("omcrm", "simulator", "bench", "tools")


def files(folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def retired() -> set[str]:
    lines = (ROOT / "tests" / "retired_names.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def names_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a file gives to something, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def test_no_class_name_means_two_things() -> None:
    """A reader who looks for a class finds one."""
    places = defaultdict(list)
    for path in files(PUBLIC):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))

    assert len(places) > 300
    assert {} == {name: paths for name, paths in places.items() if len(paths) > 1}


@pytest.mark.parametrize("folder", FOLDERS)
def test_retired_names_stay_away(folder: str) -> None:
    """No class, module, function, attribute or variable has one; the glossary has the words."""
    gone = retired()
    back = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files((folder,))
        for name, line in names_in(ast.parse(path.read_text()))
        if name.lstrip("_") in gone
    ]
    back += [str(path) for path in files((folder,)) if path.stem.removeprefix("test_") in gone]

    assert [] == back


def test_the_list_is_sorted_and_each_name_stands_once() -> None:
    """So that it can be read and merged."""
    lines = (ROOT / "tests" / "retired_names.txt").read_text().splitlines()
    names = [line for line in lines if not line.startswith("#")]

    assert sorted(set(names)) == names
