from sqlalchemy import create_engine

from omcrm.storage import unfinished_copy
from omcrm.storage.unfinished_copy import UnfinishedCopy


def test_the_mark_of_a_copy() -> None:
    """It is there from the beginning to the end, and only the latest run may write."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert None is unfinished_copy.unfinished_copy(connection)
        unfinished_copy.begin_copy(connection, "sqlite:///a.db", "0007")
        begun = unfinished_copy.unfinished_copy(connection)
        earlier = unfinished_copy.take_over(connection)
        assert unfinished_copy.holds(connection, earlier)
        later = unfinished_copy.take_over(connection)
        assert not unfinished_copy.holds(connection, earlier)
        assert unfinished_copy.holds(connection, later)
        unfinished_copy.note_prepared(connection)
        prepared = unfinished_copy.unfinished_copy(connection)
        unfinished_copy.end_copy(connection)
        assert None is unfinished_copy.unfinished_copy(connection)
    engine.dispose()

    assert UnfinishedCopy("sqlite:///a.db", "0007", False) == begun
    assert UnfinishedCopy("sqlite:///a.db", "0007", True) == prepared
