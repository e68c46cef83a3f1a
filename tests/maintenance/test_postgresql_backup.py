import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance import postgresql_backup
from omcrm.maintenance.backup import back_up
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.postgresql_program import run_program
from omcrm.maintenance.revision import own_revision
from omcrm.storage.health import first_line
from tests.maintenance.filled import content, fill
from tests.storage.postgresql_server import PostgresqlServer, new_database, program

PASSWORD = "se'cret\\ \"word"


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[PostgresqlServer]:
    """A server that wants a password with characters that need quotes."""
    program("initdb")
    server = PostgresqlServer(password=PASSWORD)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()


def test_a_password_is_used_and_shown_nowhere(
    guarded_server: PostgresqlServer, opened: Callable[[str], OpenDatabase], tmp_path: Path
) -> None:
    """Neither in the list of processes nor in a refusal."""
    database = opened(new_database(guarded_server.url))
    database.upgrade()
    fill(database)
    shown: set[str] = set()
    ends = threading.Event()

    def watch() -> None:
        while not ends.is_set():
            done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
            shown.update(line for line in done.stdout.splitlines() if "pg_" in line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(3):
            postgresql_backup.back_up(database, tmp_path / f"{number}.dump")
        before = content(database)
        postgresql_backup.restore(tmp_path / "0.dump", database)
    finally:
        ends.set()
        watcher.join()

    assert before == content(database)
    assert own_revision() == postgresql_backup.revision(tmp_path / "0.dump")
    assert [] == [line for line in shown if "cret" in line]


def test_a_wrong_password_is_told_without_it(
    guarded_server: PostgresqlServer, opened: Callable[[str], OpenDatabase], tmp_path: Path
) -> None:
    """Neither the connection's error nor pg_dump's has it; no draft of a file stays."""
    wrong = guarded_server.url.replace(guarded_server.url.split(":")[2].split("@")[0], "wrong-one")

    with pytest.raises(MaintenanceRefused, match="authentication failed") as refusal:
        run_program("pg_dump", url=make_url(wrong))
    assert "wrong-one" not in str(refusal.value)
    with pytest.raises(OperationalError, match="authentication failed") as failure:
        back_up(opened(wrong), tmp_path / "backup")
    assert "wrong-one" not in first_line(failure.value)
    assert [] == list(tmp_path.glob("backup*"))
