import pytest
from sqlalchemy.dialects import postgresql, sqlite

from omcrm.extensions import db
from omcrm.storage.insert import insert_into
from omcrm.storage.instrument import InstrumentRow


def test_it_is_of_the_databases_dialect(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both dialects have `ON CONFLICT`."""
    ours = insert_into(InstrumentRow)
    monkeypatch.setattr(db.engine.dialect, "name", "postgresql")
    theirs = insert_into(InstrumentRow)

    assert isinstance(ours, sqlite.Insert)
    assert isinstance(theirs, postgresql.Insert)
