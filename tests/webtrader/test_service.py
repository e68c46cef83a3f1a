"""What the desk's routes and events share."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from omcrm.auth.service import create_user
from omcrm.extensions import db
from omcrm.storage import feed_switch
from omcrm.storage.user import Role
from omcrm.webtrader import service
from tests.processes import wait_for


def test_the_catalogue_is_loaded_when_it_is_first_needed(app: Flask) -> None:
    """Making the app reads no instruments; the first look at the desk does."""
    assert {} == app.extensions[service.MANAGER].instruments
    with app.app_context():
        assert 24 == len(service.manager().instruments)


def test_the_first_viewer_starts_the_feeds(app: Flask) -> None:
    """Feeds that nobody stopped run within two seconds of the first viewer."""
    with app.app_context():
        service.start_for_viewer()

        manager = service.manager()
        wait_for(lambda: manager.running and len(manager.cache.snapshot()) == 24, 2, "the start")


def test_what_an_administrator_stopped_stays_stopped(app: Flask) -> None:
    """A viewer does not start them, and neither does a restart: the database remembers."""
    with app.app_context():
        admin = create_user("boss@example.com", "correct horse", Role.ADMIN, datetime.now(UTC)).id
        service.start_by_admin(admin)
        assert "stopped" == service.stop_by_admin(admin)
        service.start_for_viewer()

        assert not service.manager().running
        assert feed_switch.are_stopped()
        assert "started" == service.start_by_admin(admin)
        assert not feed_switch.are_stopped()


def test_what_is_remembered_and_what_runs_agree(app: Flask, restless: None) -> None:
    """However administrators and viewers race, feeds that should be stopped do not run."""

    def race(act: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            with app.app_context():
                act()

        return threading.Thread(target=run)

    with app.app_context():
        admin = create_user("boss@example.com", "correct horse", Role.ADMIN, datetime.now(UTC)).id
        for _ in range(10):
            acts = [
                lambda: service.start_by_admin(admin),
                lambda: service.stop_by_admin(admin),
                service.start_for_viewer,
            ]
            threads = [race(act) for act in acts]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            db.session.rollback()

            stopped = feed_switch.are_stopped()
            wait_for(lambda stopped=stopped: service.manager().running is not stopped, 2)
            db.session.rollback()


def test_find_instruments(app: Flask) -> None:
    """Each known symbol once, in the order asked for; the unknown ones apart."""
    with app.app_context():
        known, unknown = service.find_instruments(["ETH", "NOPE", "BTC", "ETH", 77])

    assert ["ETH", "BTC"] == [each.symbol for each in known]
    assert ["NOPE", 77] == unknown


def test_price_history_of_what_has_no_price(app: Flask) -> None:
    """Without a price there is no source to have candles of, and none are made up."""
    with app.app_context():
        history = service.price_history("BTC", "1m", 10)

    assert {"symbol": "BTC", "timeframe": "1m", "source": None, "data": []} == history


def test_status_counts_single_users_for_administrators_only(app: Flask) -> None:
    """Everybody may know how many there are, not who."""
    with app.app_context():
        everybody = service.realtime_status(is_admin=False)
        administrators = service.realtime_status(is_admin=True)

    assert "by_user" not in everybody["clients"]
    assert [] == administrators["clients"]["by_user"]


def test_status_tells_what_was_told(app: Flask) -> None:
    """What left for browsers is counted, and what became of their connections."""
    with app.app_context():
        status = service.realtime_status(is_admin=False)

    assert {"quotes", "seq", "refused"} == set(status["cache"])
    assert dict.fromkeys(("quotes", "updates", "conflated", "missed"), 0) == status["delivery"]
    assert 0 == status["connections"]["open"]


def test_market_status_has_every_market(app: Flask) -> None:
    """Crypto never closes; the others say when they open or close."""
    with app.app_context():
        status = service.market_status()
    crypto, shares, forex = status["markets"]

    assert (True, None, None) == (crypto["is_open"], crypto["opens_at"], crypto["closes_at"])
    for market in (shares, forex):
        next_change = market["closes_at"] if market["is_open"] else market["opens_at"]
        assert next_change > datetime.now(UTC).isoformat()
