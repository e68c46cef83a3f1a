"""Runs the migrations on the app's own database connection."""

from alembic import context
from flask import current_app

database = current_app.extensions["migrate"].db


def run() -> None:
    """Apply the requested migrations."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # One transaction, which sqlite3 would not begin by itself, and one process at a time.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # A big table takes long to change.
            connection.connection.driver_connection.answer_timeout = None
        context.configure(
            connection=connection,
            transactional_ddl=True,
            target_metadata=database.metadata,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
