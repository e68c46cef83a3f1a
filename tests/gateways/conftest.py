"""Apps in the tests' own process, with settings of their own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omcrm import create_app
from omcrm.extensions import db, limiter
from omcrm.gateways.registry import DIALECTS
from omcrm.market.catalogue import CATALOGUE
from omcrm.settings import load
from omcrm.storage.instrument import InstrumentRow
from tests.gateways.here import Make, Served, served
from tests.gateways.manual import shown

FEED = "/ws/market/feed"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Make]:
    """Serves an app with the given settings."""
    with ExitStack() as at_the_end:

        def make(**environ: str) -> Served:
            given = {
                "OMCRM_INSTANCE": str(tmp_path),
                "DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}",
                "FEED_STATE_DIR": str(tmp_path / "feeds"),
                "REALTIME_SOURCES": "binance",
                **dict.fromkeys(("PUBLIC_URL", "BINANCE_WS_URL", "OMCRM_EXCHANGE_URL"), ""),
                **environ,
            }
            app = create_app(load(given))
            with app.app_context():
                # Empties the database that an earlier app of the test has filled.
                db.drop_all()
                db.create_all()
                db.session.add_all(InstrumentRow.of(instrument) for instrument in CATALOGUE)
                db.session.commit()
                at_the_end.callback(limiter.reset)
                at_the_end.callback(db.engine.dispose)
            running = at_the_end.enter_context(served(app))
            at_the_end.callback(running.manager.stop)
            return running

        yield make


@pytest.fixture
def ticker(monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the manual's example dialect, which apps created from now on serve."""
    monkeypatch.setattr("omcrm.gateways.mount.DIALECTS", (*DIALECTS, shown()))
    return "/ws/ticker/hello"


@pytest.fixture
def here(serve: Make) -> Served:
    """An app with default settings, except for its sources."""
    return serve()
