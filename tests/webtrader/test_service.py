"""The functions shared by the desk's routes and events."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from flask import Flask
from msgspec import UNSET
from sqlalchemy.exc import OperationalError

from omcrm.auth.credential import session_caller
from omcrm.engine.redis_bus import RedisBus
from omcrm.extensions import socketio
from omcrm.market.instrument import Instrument
from omcrm.services import services_of
from omcrm.storage.user import Role
from omcrm.web import market_access
from omcrm.web.market_access import market_view
from omcrm.webtrader import service
from omcrm.wire.client_counts import DeliveryCounts
from omcrm.wire.desk_status import DeskCacheState
from omcrm.wire.encoding import iso
from tests.values import sent


def test_the_catalogue_is_loaded_when_it_is_first_needed(app: Flask) -> None:
    """Making the app reads no instruments; the first use of the desk does."""
    assert {} == services_of(app).manager.instruments
    with app.app_context():
        assert 24 == len(market_view().instruments)


def test_a_catalogue_that_cannot_be_read_is_one_line_of_log(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read again at the next use."""

    def fail() -> list[Instrument]:
        raise OperationalError("", {}, Exception("the database file was deleted"))

    with monkeypatch.context() as patched, app.app_context():
        patched.setattr(market_access, "active_instruments", fail)
        assert {} == market_view().instruments
    with app.app_context():
        assert 24 == len(market_view().instruments)

    assert not any(record.exc_info for record in caplog.records)


def test_find_instruments(app: Flask) -> None:
    """Each known symbol a single time, in the requested order; the unknown ones separately."""
    with app.app_context():
        known, unknown = service.find_instruments(["ETH", "NOPE", "BTC", "ETH", 77])

    assert ["ETH", "BTC"] == [instrument.symbol for instrument in known]
    assert ["NOPE", 77] == unknown


def test_price_history_without_a_price(app: Flask) -> None:
    """Without a price there is no source to have candles of, and none are made up."""
    with app.app_context():
        history = service.price_history("BTC", "1m", 10)

    assert {"symbol": "BTC", "timeframe": "1m", "source": None, "data": []} == sent(history)


def test_status_counts_single_users_for_administrators_only(app: Flask) -> None:
    """Everybody may know the totals, not the users."""
    with app.app_context():
        everybody = service.realtime_status(session_caller(1, Role.CLIENT, ""))
        administrators = service.realtime_status(session_caller(2, Role.ADMIN, ""))
        staff = service.realtime_status(session_caller(3, Role.STAFF, ""))

    assert UNSET is everybody.clients.by_user is staff.clients.by_user
    assert [] == administrators.clients.by_user


def test_status_counts_deliveries_and_connections(app: Flask) -> None:
    """The delivered quotes and the events of connections are counted."""
    with app.app_context():
        status = service.realtime_status(session_caller(1, Role.CLIENT, ""))

    assert DeskCacheState(quotes=0, seq=0, refused={}) == status.cache
    assert DeliveryCounts(quotes=0, updates=0, conflated=0, skipped=0) == status.delivery
    assert 0 == status.connections.open == status.connections.timers


def test_status_has_the_counters_of_connections(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has no field yet is left out, and nothing fails."""
    with app.app_context():
        counters = Counter(opened=3, closed=1, moved=1)
        monkeypatch.setattr(socketio.server.eio.reactor, "counters", counters)
        connections = sent(service.realtime_status(session_caller(1, Role.CLIENT, "")))[
            "connections"
        ]

    assert ["open", "opened", "closed"] == list(connections)[:3]
    assert "moved" not in connections


def test_market_status_has_every_market(app: Flask) -> None:
    """Crypto never closes; the others have their next opening or close."""
    with app.app_context():
        status = service.market_status()
    crypto, shares, forex = sent(status)["markets"]

    assert (True, None, None) == (crypto["is_open"], crypto["opens_at"], crypto["closes_at"])
    for market in (shares, forex):
        next_change = market["closes_at"] if market["is_open"] else market["opens_at"]
        assert next_change > datetime.now(UTC).isoformat()


def test_status_says_since_when_the_bus_is_lost(app: Flask) -> None:
    """Where an installation has several processes; one alone has no bus to lose."""
    with app.app_context():
        assert UNSET is service.realtime_status(session_caller(1, Role.CLIENT, "")).bus
        services_of(app).manager.bus = bus = RedisBus("redis://127.0.0.1:1/0")
        bus.start()
        status = service.realtime_status(session_caller(1, Role.CLIENT, ""))
        bus.stop()

    assert bus.lost_since is not None
    assert iso(bus.lost_since) == status.bus.lost_since
    assert 1 == status.bus.processes
