"""Fixtures that tests of several rooms share."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache

from omcrm import create_app
from omcrm.auth.login import hash_token
from omcrm.extensions import db, limiter
from omcrm.market.catalogue import CATALOGUE
from omcrm.services import services_of
from omcrm.settings import load
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.login_session import open_session
from omcrm.storage.user import Role, User
from tests.fast import Refusal, is_fast
from tests.processes import MARKET_DATA, ROOT, App, Exchange
from tests.threads import Threads

# Without compiled code beside the sources each process that a test starts would compile the app
# again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        ROOT / ".pytest_cache" / "compiled"
    )

# Each test has its own app, and all of them the same templates.
_templates = ROOT / ".pytest_cache/templates"
_templates.mkdir(parents=True, exist_ok=True)
Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(_templates))}

# A busy machine makes an example slow, and the test no worse.
settings.register_profile("omcrm", deadline=None)
settings.register_profile("omcrm-fast", deadline=None, max_examples=20)
settings.load_profile("omcrm")


def pytest_configure(config: pytest.Config) -> None:
    """In a run of the fast tests nothing may reach out of the process, and few examples do."""
    if config.option.markexpr == "fast":
        settings.load_profile("omcrm-fast")
        config.pluginmanager.register(Refusal())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests."""
    for item in items:
        slow = any(item.get_closest_marker(name) for name in ("long", "outside"))
        if isinstance(item, pytest.Function) and not slow and is_fast(item):
            item.add_marker("fast")


def missing(what: str) -> None:
    """Skip with one line, or fail in CI, where everything must be installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")


class ManualClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at a Wednesday morning in New York."""
    return ManualClock()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded market data."""
    if not MARKET_DATA.is_dir():
        pytest.skip("recorded market data is not here")
    return MARKET_DATA


@pytest.fixture(scope="session")
def exchanges() -> Iterator[list[Exchange]]:
    """The started exchanges; tests use the last one as long as it runs."""
    started: list[Exchange] = []
    yield started
    for exchange in started:
        exchange.stop()


@pytest.fixture
def exchange(exchanges: list[Exchange], tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """A built-in exchange with its seeded model, as after its start."""
    if not exchanges or exchanges[-1].process.poll() is not None:
        exchanges.append(Exchange(tmp_path_factory.mktemp("exchange")))
    try:
        exchanges[-1].begin_anew()
    except (AssertionError, OSError):
        # An earlier test failed, and a client of it is still connected.
        exchanges.append(Exchange(tmp_path_factory.mktemp("exchange")))
    return exchanges[-1]


@pytest.fixture
def app_on_exchange(tmp_path: Path, exchange: Exchange) -> Iterator[App]:
    """The app, with the exchange in Binance's place."""
    with App(tmp_path, {"BINANCE_WS_URL": exchange.url}) as running:
        yield running


@pytest.fixture(params=[2_000, pytest.param(20_000, marks=pytest.mark.long)])
def tries(request: pytest.FixtureRequest) -> int:
    """How many random inputs are tried; `make test-long` tries ten times as many."""
    return int(request.param)


@pytest.fixture
def threads() -> Threads:
    """The threads that the test starts."""
    return Threads()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on its own disk of eight megabytes; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be made by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads switch as often as possible, to provoke races; but not where coverage is measured,
    whose own start in a new thread does not bear it."""
    before = sys.getswitchinterval()
    if sys.gettrace() is None:
        sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The app on a database of its own, with the catalogue and without feeds."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    off = dict.fromkeys(("PUBLIC_URL", "BINANCE_WS_URL", "OMCRM_EXCHANGE_URL"), "")
    off |= {"REALTIME_SOURCES": "binance", "FEED_STATE_DIR": str(tmp_path / "feeds")}
    app = create_app(load({"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": url, **off}))
    with app.app_context():
        db.create_all()
        db.session.add_all(InstrumentRow.of(instrument) for instrument in CATALOGUE)
        db.session.commit()
    yield app
    services_of(app).manager.stop()
    with app.app_context():
        db.engine.dispose()
        limiter.reset()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser of a stranger."""
    return app.test_client()


@pytest.fixture
def browser(app: Flask) -> Callable[[Role], FlaskClient]:
    """Creates a browser with a login of a new account of a role; no password is hashed."""

    def log_in(role: Role) -> FlaskClient:
        token, now = secrets.token_urlsafe(), datetime.now(UTC)
        user = User(email=f"{token}@example.com", password_hash="", role=role, created_at=now)
        with app.app_context():
            db.session.add(user)
            db.session.flush()
            lifetime = timedelta(hours=1)
            open_session(
                hash_token(token), user.id, now, lifetime, user_agent=None, remote_addr=None
            )
            db.session.commit()
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie.update(_user_id=token, _fresh=True)
        return client

    return log_in


@pytest.fixture
def csrf() -> Callable[[FlaskClient, str], str]:
    """Reads the CSRF token of a page."""

    def read(client: FlaskClient, path: str = "/auth/login") -> str:
        page = client.get(path, follow_redirects=True).text
        return re.search(r'name="csrf[_-]token"[^>]*(?:content|value)="([^"]+)"', page)[1]

    return read
