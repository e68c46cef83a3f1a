from datetime import UTC, datetime
from pathlib import Path

import msgspec

from omcrm.engine.bus import EngineReport, FeedChanged, LocalBus
from omcrm.engine.elected_engine import ElectedEngine
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.remote_engine import RemoteEngine
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


def test_it_is_the_one_with_the_lease(tmp_path: Path) -> None:
    """What pages ask goes to this process's engine, or to the other one."""
    bus, token = LocalBus(), [None, 7]
    own = FeedEngine(bus, FeedSettings(), state=tmp_path)
    own.follow(CATALOGUE)
    engine = ElectedEngine(own, RemoteEngine(bus), lambda: token[0])
    bus.publish(
        EngineReport(
            since=NOW,
            reviewed_at=NOW,
            failure="no source is streaming",
            statuses={},
            budgets={"frankfurter": []},
            rejected={"jump": 1},
            standbys={"BTC": "kraken"},
        )
    )
    assert (None, True, NOW) == (engine.own, engine.running, engine.since)
    assert ("no source is streaming", {"jump": 1}) == (engine.failure(), engine.rejected())
    assert ({"BTC": "kraken"}, {"frankfurter": []}) == (engine.standbys(), engine.uses())
    assert ({}, True, False) == (engine.status(), engine.becomes(True), own.running)

    token.reverse()
    assert (own, False, None) == (engine.own, engine.running, engine.since)
    assert (None, {}) == (engine.failure(), engine.rejected())
    assert {None} == set(engine.standbys().values())
    assert engine.explain("BTC") is not None
    assert engine.explain("NOTHING") is None
    assert {item.symbol for item in CATALOGUE} == engine.details().chains.keys()


def test_a_change_is_told_once(tmp_path: Path) -> None:
    """By this process's feeds while they run, else by the reports of the other one."""
    bus, token, changes = LocalBus(), [None, 7], []
    own = FeedEngine(bus, FeedSettings(), state=tmp_path)
    engine = ElectedEngine(own, RemoteEngine(bus), lambda: token[0])
    engine.on_change(bus, lambda: changes.append(engine.running))
    report = EngineReport(since=NOW, reviewed_at=NOW, failure=None, statuses={}, budgets={})
    bus.publish(FeedChanged("binance"))
    bus.publish(report)
    bus.publish(report)
    token.reverse()
    bus.publish(FeedChanged("binance"))
    bus.publish(msgspec.structs.replace(report, since=None))

    assert [True, False] == changes
