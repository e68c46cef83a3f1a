import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import make_url

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance import postgresql_program
from omcrm.maintenance.postgresql_program import find_program, major_version, run_program

pytestmark = pytest.mark.outside


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs in the place of PostgreSQL's."""
    monkeypatch.setattr(postgresql_program, "_FOLDERS", str(tmp_path))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    return tmp_path


def write(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_servers_version_is_used(programs: Path) -> None:
    """Else the newest: an older one refuses to dump a newer server, and a newer one may set what an
    older server does not know."""
    paths = [
        write(programs / version / "bin", "pg_dump", f"echo pg_dump {version}.3")
        for version in ("9.6", "15", "9", "17")
    ]

    assert paths[3] == find_program("pg_dump")
    assert paths[1] == find_program("pg_dump", 15)
    assert paths[3] == find_program("pg_dump", 16)
    assert 17 == major_version(paths[3])


def test_a_missing_program_says_how_to_get_it(programs: Path) -> None:
    """The package's name is Debian's."""
    assert None is find_program("pg_nothing")
    with pytest.raises(MaintenanceRefused, match="postgresql-client"):
        run_program("pg_nothing")


def test_passwords_are_in_no_argument(programs: Path) -> None:
    """They are in the environment, which others cannot read; several hosts stay several hosts."""
    write(programs / "15" / "bin", "pg_dump", 'echo "$@"; echo $PGPASSWORD $PGSSLPASSWORD')
    url = make_url("postgresql://u:se'cret%20one@/db?host=a:1&host=b:2&sslpassword=other")
    arguments, secrets = run_program("pg_dump", "--file", "x", url=url).splitlines()

    assert "se'cret one other" == secrets
    assert "secret" not in arguments.replace("'", "")
    assert "other" not in arguments
    assert "--no-password --dbname" in arguments
    assert "host=a,b" in arguments
    assert "port=1,2" in arguments
    assert arguments.endswith("--file x")


def test_a_failure_is_told_in_the_programs_words(programs: Path) -> None:
    """In a few lines."""
    script = "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 3"
    write(programs / "15" / "bin", "pg_dump", script)

    with pytest.raises(MaintenanceRefused, match=r"pg_dump failed: line 1; .*line 5$"):
        run_program("pg_dump")
