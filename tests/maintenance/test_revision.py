from collections.abc import Callable

import pytest

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.revision import (
    is_known,
    own_revision,
    require_own_revision,
    revision_of,
    revision_problem,
)

pytestmark = pytest.mark.outside


def test_the_own_revision_is_no_problem() -> None:
    """It is the one after which no migration comes."""
    assert is_known(own_revision())
    assert None is revision_problem(own_revision())
    require_own_revision("a database", own_revision())


@pytest.mark.parametrize(
    ("revision", "advice"),
    [
        (None, "no tables of OMCRM: `python manage.py setup`"),
        ("0001", "run `python manage.py setup` with its DATABASE_URL first"),
        ("9999", "unknown to this program"),
    ],
)
def test_another_revision_is_a_problem(revision: str | None, advice: str) -> None:
    """What to do is said."""
    with pytest.raises(MaintenanceRefused, match=r"^a database: ") as refusal:
        require_own_revision("a database", revision)
    assert advice in str(refusal.value)


def test_a_database_has_one(
    opened: Callable[[str], OpenDatabase], new_url: Callable[[str], str], kind: str
) -> None:
    """None before it was ever migrated."""
    database = opened(new_url(kind))
    with database.engine.connect() as connection:
        assert None is revision_of(connection)
    database.upgrade("0003")
    with database.engine.connect() as connection:
        assert "0003" == revision_of(connection)
    database.upgrade()
    with database.engine.connect() as connection:
        assert own_revision() == revision_of(connection)
