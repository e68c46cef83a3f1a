import ast

import pytest
from werkzeug.routing import Rule

from omcrm.auth.permission import Permission
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.registry import DIALECTS
from tests.processes import ROOT


def test_names_and_paths_are_unique() -> None:
    """No dialect hides another, and each has its own counts."""
    assert len(DIALECTS) == len({dialect.channel.name for dialect in DIALECTS})
    assert len(DIALECTS) == len({dialect.channel.path for dialect in DIALECTS})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.channel.name)
def test_the_attributes_of_a_dialect_are_valid(dialect: type[Dialect]) -> None:
    """A path that can be mounted, a scope, a reason that fits into a close, a place in the docs."""
    assert Rule(dialect.channel.path).rule.startswith("/")
    assert isinstance(dialect.scope, Permission)
    assert len(dialect.session_ended.encode()) <= 123
    assert f"`{dialect.channel.name}`" in (ROOT / "docs" / "dialects.md").read_text()


def sets_channel(statement: ast.stmt) -> bool:
    """Whether it sets `channel`, which base classes of dialects do not."""
    if not isinstance(statement, ast.Assign):
        return False
    return any(
        isinstance(target, ast.Name) and target.id == "channel" for target in statement.targets
    )


def test_every_dialect_is_registered() -> None:
    """A dialect that is not served is a mistake."""
    defined = {
        node.name
        for path in (ROOT / "omcrm" / "gateways").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(map(sets_channel, node.body))
    }

    assert {dialect.__name__ for dialect in DIALECTS} == defined
