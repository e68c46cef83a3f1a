"""A real PostgreSQL, made for the tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.conftest import missing
from tests.processes import PATIENCE, free_port, wait_for

PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin")]


def program(name: str) -> str:
    path = next((str(place / name) for place in PLACES if (place / name).exists()), None)
    return path or shutil.which(name) or missing(f"PostgreSQL's {name}") or ""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    initdb, server = program("initdb"), program("postgres")
    folder = Path(tempfile.mkdtemp(prefix="omcrm-pg-"))
    # PostgreSQL refuses to run as root.
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    user = {"user": owner.pw_uid, "group": owner.pw_gid} if os.geteuid() == 0 else {}
    data, port = folder / "data", free_port()
    subprocess.run(
        [initdb, "-D", data, "-A", "trust", "-U", "omcrm", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
        **user,
    )
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", str(folder)]
    running = subprocess.Popen(
        [server, "-D", data, "-p", str(port), *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **user,
    )
    url = f"postgresql+psycopg://omcrm@127.0.0.1:{port}/postgres"
    try:
        wait_for(lambda: answers(url), 30, "PostgreSQL")
        yield url
    finally:
        running.terminate()
        running.wait(PATIENCE)
        shutil.rmtree(folder)


def answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect():
            return True
    except Exception:
        return False
    finally:
        engine.dispose()
