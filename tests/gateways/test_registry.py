import ast

import pytest
from werkzeug.routing import Rule

from omcrm.auth.scope import Scope
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.registry import DIALECTS
from tests.processes import ROOT


def test_names_and_paths_are_their_own() -> None:
    """No dialect hides another, and counts are apart."""
    assert len(DIALECTS) == len({dialect.name for dialect in DIALECTS})
    assert len(DIALECTS) == len({dialect.path for dialect in DIALECTS})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_a_dialect_says_of_itself_fits(dialect: type[Dialect]) -> None:
    """A path that can be mounted, a scope, and words for the end that fit into a close."""
    assert Rule(dialect.path).rule.startswith("/")
    assert isinstance(dialect.scope, Scope)
    assert len(dialect.session_ended.encode()) <= 123
    assert f"`{dialect.name}`" in (ROOT / "docs" / "dialects.md").read_text()


def names_path(statement: ast.stmt) -> bool:
    """Whether it says where a dialect is mounted, which what several have in common does not."""
    if not isinstance(statement, ast.Assign):
        return False
    return any(isinstance(target, ast.Name) and target.id == "path" for target in statement.targets)


def test_every_dialect_is_registered() -> None:
    """A file with a dialect that nobody serves is a mistake."""
    found = {
        node.name
        for path in (ROOT / "omcrm" / "gateways").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(map(names_path, node.body))
    }

    assert {dialect.__name__ for dialect in DIALECTS} == found
