import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from omcrm.errors import MaintenanceRefused
from omcrm.extensions import db
from omcrm.maintenance.database_app import OpenDatabase, chosen_url, open_database
from omcrm.settings import load
from tests.processes import ROOT

pytestmark = pytest.mark.outside


def test_every_table_is_known(tmp_path: Path) -> None:
    """Also those that no part of a command uses."""
    with open_database("sqlite://", tmp_path):
        assert {"asset_prices", "daily_candles", "users"} <= db.metadata.tables.keys()
    classes = sum(
        "__tablename__" in line
        for path in (ROOT / "omcrm").rglob("*.py")
        for line in path.read_text().splitlines()
    )
    assert classes == len(db.metadata.tables)


def test_statements_take_as_long_as_they_take(
    opened: Callable[[str], OpenDatabase], new_url: Callable[[str], str]
) -> None:
    """A request's would be ended after some seconds."""
    database = opened(new_url("postgresql"))
    for _ in range(2):
        with database.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert None is driver.answer_timeout
            assert "0" == connection.scalar(text("SHOW statement_timeout"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://omcrm:secret@db/desk", "postgresql://omcrm@db/desk"),
        ("postgresql://omcrm@db/desk?password=secret", "postgresql://omcrm@db/desk"),
        (
            "postgresql://omcrm:secret@/desk?host=a:1&host=b:2&target_session_attrs=read-write",
            "postgresql://omcrm@/desk?host=a%3A1&host=b%3A2",
        ),
        ("sqlite:////var/lib/omcrm.db", "sqlite:////var/lib/omcrm.db"),
    ],
)
def test_its_name_has_no_secret(url: str, name: str, tmp_path: Path) -> None:
    """It is printed, and kept in a half-done copy."""
    with open_database(url, tmp_path) as database:
        assert name == database.name


def test_a_given_url_is_chosen(tmp_path: Path) -> None:
    """A relative path is the shell's; without one it is the installation's."""
    own = "postgresql://omcrm:secret@db/desk"
    settings = load({"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": own})

    assert own == chosen_url(None, settings)
    assert f"sqlite:///{os.getcwd()}/a.db" == chosen_url("sqlite:///a.db", settings)
    assert "sqlite:////a.db" == chosen_url("sqlite:////a.db", settings)
    assert own == chosen_url(own, settings)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("omcrm.db", "no database URL"),
        ("postgresql://u:secret@a:1,b:2/d", "host=a:5432&host=b:5432"),
        ("mysql://u:secret@a/d", "not mysql"),
        ("postgres://u:secret@a/d", "not postgres"),
    ],
)
def test_another_url_is_refused(url: str, problem: str, tmp_path: Path) -> None:
    """Without repeating its password."""
    with pytest.raises(MaintenanceRefused) as refusal:
        chosen_url(url, load({"OMCRM_INSTANCE": str(tmp_path)}))
    assert problem in str(refusal.value)
    assert "secret" not in str(refusal.value)
