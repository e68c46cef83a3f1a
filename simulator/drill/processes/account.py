"""Accounts of an installation that a drill uses, logged in."""

import re
import subprocess
import sys
from collections.abc import Mapping

import psycopg
import requests
from msgspec import Struct

from simulator.drill.processes.server_process import PATIENCE, ROOT, NotInTime

_PASSWORD = "only for the drill"  # noqa: S105
_CSRF = re.compile(r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"')
_FIRST = "drill-0@example.com"
_OTHERS = (
    "INSERT INTO users (email, password_hash, role, active, created_at) "
    "SELECT %s, password_hash, role, active, created_at FROM users WHERE email = %s"
)


class Account(Struct, frozen=True):
    """An account with a login, which counts at every web process."""

    user_id: int
    cookie: str
    csrf: str


def make_accounts(environ: Mapping[str, str], database: str, count: int) -> list[str]:
    """Make so many accounts, and return their addresses."""
    command = ["manage.py", "create-user", "--email", _FIRST, "--role", "client"]
    done = subprocess.run(
        [sys.executable, *command, "--password-stdin"],
        cwd=ROOT,
        env=environ,
        input=_PASSWORD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotInTime(f"no account was made: {done.stderr[-2000:]}")
    emails = [_FIRST.replace("0", str(number)) for number in range(count)]
    with psycopg.connect(database) as connection:
        for email in emails[1:]:
            connection.execute(_OTHERS, (email, _FIRST))
    return emails


def log_in(base: str, database: str, email: str) -> Account:
    """Log in at a web process."""
    http = requests.Session()
    http.headers["Connection"] = "close"
    page = http.get(f"{base}/auth/login", timeout=PATIENCE)
    fields = {"email": email, "password": _PASSWORD, "csrf_token": _token(page.text)}
    answer = http.post(f"{base}/auth/login", data=fields, timeout=PATIENCE, allow_redirects=False)
    if answer.status_code != 302:
        raise NotInTime(f"{email} could not log in: {answer.status_code}")
    desk = http.get(f"{base}/webtrader/dashboard", timeout=PATIENCE)
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT id FROM users WHERE email = %s", (email,)).fetchone()
    cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    return Account(row[0] if row else 0, cookie, _token(desk.text))


def _token(page: str) -> str:
    match = _CSRF.search(page)
    if match is None:
        raise NotInTime("a page has no CSRF token")
    return match[1]
