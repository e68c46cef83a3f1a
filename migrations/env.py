"""Runs the migrations on the app's own database connection, one process at a time."""

import time

from alembic import context
from flask import current_app
from sqlalchemy.exc import OperationalError

database = current_app.extensions["migrate"].db

# Any number that no other program uses for a lock in this database.
LOCK = 0x6F6D63726D
# How long another process may migrate before this one gives up, in seconds.
LONGEST_WAIT = 3600


def wait_for_turn(connection):
    """Begin the transaction of the migrations once no other process migrates."""
    if connection.dialect.name == "sqlite":
        # One transaction, which sqlite3 would not begin by itself. Each try waits for seconds.
        until = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                is_locked = "locked" in str(error.orig)
                if not is_locked or time.monotonic() > until:
                    raise
                connection.rollback()
    # A big table takes long to change, and another process, too. The connection is of no use to
    # others afterwards.
    connection.connection.driver_connection.answer_timeout = None
    connection.detach()
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def run():
    """Apply the requested migrations."""
    with database.engine.connect() as connection:
        wait_for_turn(connection)
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
