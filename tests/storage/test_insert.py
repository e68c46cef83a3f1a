import pytest
from sqlalchemy.dialects import postgresql, sqlite

from omcrm.extensions import db
from omcrm.storage.insert import insert_into
from omcrm.storage.instrument import InstrumentRow


def test_it_is_spelled_for_the_database(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both databases know what to do with a row that is there already."""
    ours = insert_into(InstrumentRow)
    monkeypatch.setattr(db.engine.dialect, "name", "postgresql")
    theirs = insert_into(InstrumentRow)

    assert isinstance(ours, sqlite.Insert)
    assert isinstance(theirs, postgresql.Insert)
