"""INSERT that can meet what is already there, which SQLAlchemy spells by database."""

from typing import TypeAlias

from sqlalchemy.dialects import postgresql, sqlite

from omcrm.extensions import db

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"


def insert_into(model: type[db.Model]) -> Insert:  # type: ignore[name-defined]
    """An INSERT into the model's table that knows `on_conflict_do_…`."""
    if db.engine.dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)
