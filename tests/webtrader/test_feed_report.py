"""The administrators' report about the feeds, of a real manager on the built-in exchange."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from msgspec import UNSET

from omcrm.auth.credential import session_caller
from omcrm.engine.bus import FeedEvents
from omcrm.extensions import db
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind, FeedFigures
from omcrm.storage import feed_event
from omcrm.storage.user import Role
from omcrm.webtrader import service
from omcrm.webtrader.feed_log import FeedLog
from omcrm.webtrader.feed_report import feed_report
from omcrm.webtrader.realtime_data import RealTimeDataManager
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.feed_report import DeskFeedReport, DeskSymbolReport
from tests.processes import PATIENCE, Exchange, wait_for

Report = Callable[[], dict[str, Any]]


@pytest.fixture
def manager(app: Flask, exchange: Exchange, tmp_path: Path) -> Iterator[RealTimeDataManager]:
    """A manager that streams BTC from Binance and Coinbase, and may poll CoinGecko."""
    host = exchange.url.removeprefix("ws://")
    urls = {
        "binance": exchange.url,
        "coinbase": f"{exchange.url}/coinbase",
        "coingecko": f"http://{host}/coingecko/api/v3",
    }
    manager = RealTimeDataManager(FeedSettings(urls=urls), state=tmp_path / "state")
    manager.follow([instrument for instrument in CATALOGUE if instrument.symbol in ("BTC", "AAPL")])
    log = FeedLog(app)
    manager.bus.subscribe(FeedEvents, lambda message: log.write(message.events))
    manager.start()
    yield manager
    manager.stop()


@pytest.fixture
def report_now(app: Flask, manager: RealTimeDataManager) -> Report:
    """Reads the report as it is on the wire."""

    def read() -> dict[str, Any]:
        with app.app_context():
            report = feed_report(manager.view, manager.engine, datetime.now(UTC))
            return encoding.loads(encoding.dumps(report))

    return read


def symbol_report(report: dict[str, Any], symbol: str = "BTC") -> dict[str, Any]:
    return next(entry for entry in report["symbols"] if entry["symbol"] == symbol)


@pytest.fixture
def report_live(report_now: Report) -> Report:
    """The same, as soon as Binance is active and Coinbase is the standby."""

    def both() -> bool:
        btc = symbol_report(report_now())
        return (btc["source"], btc["runner_up"]) == ("binance", "coinbase")

    wait_for(both, 20, "Binance to be active and Coinbase to be the standby")
    return report_now


def test_the_chain_is_in_the_policys_order(report_live: Report) -> None:
    """Each source has its price, price class and age."""
    btc = symbol_report(report_live())
    chain = btc["chain"]

    assert ["binance", "coinbase", "last_resort"] == [
        link["source"] for link in chain if link["source"] != "coingecko"
    ]
    assert {"live", "last_resort"} == {
        link["price_class"] for link in chain if link["source"] != "coingecko"
    }
    assert all(link["price"] > 0 and 0 <= link["age_seconds"] < 60 for link in chain)


def test_a_symbol_without_a_stream_has_its_last_resort(report_live: Report) -> None:
    """With a single source there is no standby."""
    apple = symbol_report(report_live(), "AAPL")

    assert ("last_resort", None) == (apple["source"], apple["runner_up"])
    assert [("last_resort", 213.3)] == [(link["source"], link["price"]) for link in apple["chain"]]


def test_a_symbol_without_any_price(app: Flask) -> None:
    """Before the start no source is active, and nothing is made up."""
    manager = RealTimeDataManager(FeedSettings())
    manager.follow(CATALOGUE[:1])
    with app.app_context():
        report = feed_report(manager.view, manager.engine, datetime.now(UTC))

    symbol = DeskSymbolReport(symbol="BTC", source=None, runner_up=None, chain=[])
    assert DeskFeedReport(symbols=[symbol], quota={}, quarantine=[], events=[]) == report


def test_a_spike_is_in_quarantine_with_the_other_sources_prices(
    report_live: Report, exchange: Exchange
) -> None:
    """The rejected price is listed with the source's own last one and Coinbase's."""
    exchange.fault("spike", symbol="BTCUSDT", factor=3, count=1)
    wait_for(lambda: report_live()["quarantine"], 5, "the refusal")
    (refused, *_) = report_live()["quarantine"]
    own = refused["held"]

    assert {"at", "source", "symbol", "reason", "price", "bid", "ask", "held", "others"} == set(
        refused
    )
    assert ("binance", "BTC", "jump", None, None) == tuple(
        refused[name] for name in ("source", "symbol", "reason", "bid", "ask")
    )
    assert 2.5 < refused["price"] / own < 3.5
    assert "coinbase" in [other["source"] for other in refused["others"]]
    assert all(abs(other["price"] / own - 1) < 0.1 for other in refused["others"])


def test_the_newest_rejection_comes_first_and_fifty_are_listed(
    report_live: Report, exchange: Exchange, manager: RealTimeDataManager
) -> None:
    """A source that is always rejected does not make the answer long."""
    exchange.fault("spike", symbol="BTCUSDT", factor=3, count=60)
    wait_for(lambda: manager.engine.validator.rejected["jump"] >= 60, 10, "the refusals")
    times = [rejection["at"] for rejection in report_live()["quarantine"]]

    assert 50 == len(times)
    assert sorted(times, reverse=True) == times


def test_a_rejected_book_has_bid_and_ask(report_live: Report, exchange: Exchange) -> None:
    """Without a trade there is no price."""
    exchange.fault("crossed", symbol="BTCUSDT")
    wait_for(lambda: report_live()["quarantine"], 5, "the refusal")
    (refused, *_) = report_live()["quarantine"]

    assert ("crossed", None) == (refused["reason"], refused["price"])
    assert refused["bid"] > refused["ask"] > 0


def test_a_failover_is_an_event(report_live: Report, exchange: Exchange) -> None:
    """When Binance falls silent, Coinbase becomes active; the event has duration and reason."""
    exchange.fault("mute", venue="binance")

    def failovers() -> list[dict[str, Any]]:
        return [event for event in report_live()["events"] if event["kind"] == "took_over"]

    wait_for(failovers, what="the failover")
    (event, *_) = failovers()
    btc = symbol_report(report_live())

    assert ("coinbase", "binance", ["BTC"]) == (event["source"], event["before"], event["symbols"])
    assert (event["code"], event["reason"]) in (
        ("source_stale", "binance is stale"),
        ("source_down", "binance is down"),
    )
    assert ({}, None) == (event["figures"], event["cause"])
    assert 9 < event["silent_seconds"] < PATIENCE
    assert "coinbase" == btc["source"]


def test_events_survive_the_manager(app: Flask, report_live: Report) -> None:
    """They are read from the database, newest first, a hundred at most."""
    # Recent: old events are deleted when the feeds write their first event.
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    with app.app_context():
        feed_event.add(
            FeedEvent(
                at=began + timedelta(seconds=number),
                kind=FeedEventKind.STATE,
                source="kraken",
                reason=str(number),
            )
            for number in range(150)
        )
        db.session.commit()
    events = [event for event in report_live()["events"] if event["source"] == "kraken"]

    assert {
        "at": iso(began + timedelta(seconds=149)),
        "kind": "state",
        "source": "kraken",
        "before": None,
        "symbols": [],
        "reason": "149",
        "code": None,
        "figures": {},
        "cause": None,
        "silent_seconds": None,
    } == events[0]
    assert 100 == len(report_live()["events"])
    assert sorted((int(event["reason"]) for event in events), reverse=True) == [
        int(event["reason"]) for event in events
    ]


def test_a_state_has_its_cause_as_a_sentence_and_as_a_code(app: Flask, report_now: Report) -> None:
    """Programs use the code and the figures, people read the sentence."""
    figures = FeedFigures(state="waiting", until=datetime(2026, 1, 5, 14, 30, tzinfo=UTC))
    event = FeedEvent(
        at=datetime.now(UTC),
        kind=FeedEventKind.STATE,
        source="kraken",
        code=FeedCode.QUOTA_USED_UP,
        figures=figures,
    )
    with app.app_context():
        feed_event.add([event])
        db.session.commit()
    shown = next(entry for entry in report_now()["events"] if entry["source"] == "kraken")
    cause = "its quota is used up until 2026-01-05 14:30 UTC"

    assert ("quota_used_up", cause, f"waiting: {cause}") == (
        shown["code"],
        shown["cause"],
        shown["reason"],
    )
    assert {"state": "waiting", "until": "2026-01-05T14:30:00Z"} == shown["figures"]


def test_a_rejected_price_is_an_event_with_exact_prices(
    report_live: Report, exchange: Exchange
) -> None:
    """They are those of the quarantine."""
    exchange.fault("spike", symbol="BTCUSDT", factor=3, count=1)

    def rejections() -> list[dict[str, Any]]:
        return [event for event in report_live()["events"] if event["kind"] == "quarantine"]

    wait_for(rejections, 5, "the event")
    (event, *_) = rejections()
    (refused, *_) = report_live()["quarantine"]

    assert "jump" == event["code"] == refused["reason"]
    assert [refused[name] for name in ("price", "held", "others")] == [
        event["figures"][name] for name in ("price", "held", "others")
    ]
    assert event["reason"].startswith("jump: price ")


def test_quotas_by_source_and_budget(report_live: Report, exchange: Exchange) -> None:
    """Only polled sources have quotas; used and left calls add up to the allowed ones."""
    for venue in ("binance", "coinbase"):
        exchange.fault("mute", venue=venue)
    wait_for(
        lambda: any(budget["used"] for budget in report_live()["quota"]["coingecko"]),
        40,
        "a question",
    )
    quota = report_live()["quota"]
    now = iso(datetime.now(UTC))

    assert ["coingecko"] == list(quota)
    assert {"minute", "month"} == {budget["period"] for budget in quota["coingecko"]}
    for use in quota["coingecko"]:
        assert {"calls", "period", "used", "left", "renews_at", "ends_at"} == set(use)
        assert use["calls"] == use["used"] + use["left"]
        assert use["renews_at"] > now
        assert use["ends_at"] is None or use["ends_at"] < use["renews_at"]


def test_prices_stay_exact(report_live: Report, app: Flask, manager: RealTimeDataManager) -> None:
    """No price becomes a float in the report."""
    with app.app_context():
        report = feed_report(manager.view, manager.engine, datetime.now(UTC))
    (chain,) = (entry.chain for entry in report.symbols if entry.symbol == "BTC")

    assert {Decimal} == {type(link.price) for link in chain}


def test_only_staff_and_administrators_get_the_report(app: Flask) -> None:
    """Others see the status of the feeds, not quotas and rejected ticks."""
    with app.app_context():
        everybody = service.realtime_status(session_caller(1, Role.CLIENT, ""))
        administrators = service.realtime_status(session_caller(2, Role.ADMIN, ""))
        staff = service.realtime_status(session_caller(3, Role.STAFF, ""))

    assert UNSET is everybody.feeds
    assert all(type(status.feeds) is DeskFeedReport for status in (staff, administrators))
