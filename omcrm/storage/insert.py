"""INSERT with `ON CONFLICT`, which SQLAlchemy has in the dialect of each database."""

from typing import TypeAlias

from sqlalchemy.dialects import postgresql, sqlite

from omcrm.extensions import db

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"


def insert_into(model: type[db.Model]) -> Insert:  # type: ignore[name-defined]
    """An INSERT into the model's table with the methods `on_conflict_do_…`."""
    if db.engine.dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)
