"""Runs PostgreSQL's own programs, such as pg_dump; passwords stay out of the list of processes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from omcrm.errors import MaintenanceRefused

# Debian has each version's programs in a folder of its own, and only some of them in the path.
_FOLDERS = "/usr/lib/postgresql"
_SECRETS = {"password": "PGPASSWORD", "sslpassword": "PGSSLPASSWORD"}
_MOST_LINES = 5


def find_program(name: str, version: int | None = None) -> Path | None:
    """Where the program of this name is, of the same version as the server if there is one, or else
    the newest; None where there is none."""
    folders = sorted(Path(_FOLDERS).glob("*/bin"), key=_version_of, reverse=True)
    paths = [folder / name for folder in folders if (folder / name).is_file()]
    if not paths and (path := shutil.which(name)):
        return Path(path)
    # A newer pg_restore sets what an older server does not know.
    same = [path for path in paths if version in _version_of(path.parent)[:1]]
    return next(iter(same + paths), None)


def major_version(program: Path) -> int | None:
    """The major version of a program of PostgreSQL; None where it does not say so."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"(\d+)(?:\.\d+|devel|beta|rc|$)", done.stdout)
    return int(match[1]) if match else None


def run_program(
    name: str, *arguments: str, url: URL | None = None, version: int | None = None
) -> str:
    """What the program prints; with a URL it works on that database, whose server has `version`.

    Raises MaintenanceRefused where there is no such program, or it fails.
    """
    program = find_program(name, version)
    if program is None:
        raise MaintenanceRefused(
            f"{name} is not installed: on Debian, apt-get install postgresql-client"
        )
    environ, target = dict(os.environ), []
    if url is not None:
        options = url.get_dialect()().create_connect_args(url)[1]
        for option, variable in _SECRETS.items():
            if option in options:
                environ[variable] = str(options.pop(option))
        target = ["--dbname", make_conninfo("", **options)]
    done = subprocess.run(
        [program, "--no-password", *target, *arguments] if target else [program, *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()[:_MOST_LINES]
        raise MaintenanceRefused(f"{name} failed: {'; '.join(lines) or done.returncode}")
    return done.stdout


def _version_of(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.parent.name))
