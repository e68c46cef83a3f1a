"""After every fault of the upstream the feed reports the problem and recovers by itself."""

import time
from collections.abc import Callable

import pytest
from msgspec import structs

from omcrm.feeds.providers.binance.stream import Binance
from omcrm.market.source import HealthState
from tests.feeds.conftest import NAMES, QUICK, RELAXED, Watched
from tests.processes import PATIENCE, Exchange, wait_for

Watch = Callable[..., Watched]


def connections(exchange: Exchange) -> int:
    return len(exchange.state()["connections"])


def test_streams(streaming: Watched, exchange: Exchange) -> None:
    """It connects, subscribes, and reports first pending and then healthy."""
    status = streaming.supervisor.status()

    assert [(HealthState.PENDING, 0), (HealthState.HEALTHY, 1)] == streaming.conditions
    assert "streaming" == status.state
    assert status.active
    assert status.connected_since is not None
    assert status.messages > 0
    assert 0 == status.reconnects
    assert f"{exchange.url}/stream" == status.url
    wait_for(lambda: {"BTC", "ETH"} == {tick.symbol for tick in streaming.ticks}, 5)


def test_start_and_stop_twice(streaming: Watched, exchange: Exchange) -> None:
    """Starting or stopping twice is harmless, and no thread or socket is left."""
    streaming.supervisor.start()
    streaming.supervisor.stop()
    streaming.supervisor.stop()

    assert "stopped" == streaming.state
    assert (HealthState.DOWN, 0) == streaming.conditions[-1]
    streaming.wait_for_no_threads()
    wait_for(lambda: connections(exchange) == 0, 5, "the socket to close")


def test_starts_again(streaming: Watched) -> None:
    """After a stop it can be started anew."""
    streaming.supervisor.stop()
    streaming.supervisor.start()

    streaming.wait_for_data()
    streaming.wait_for_state("streaming")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_cut(streaming: Watched, exchange: Exchange, how: str) -> None:
    """A cut is detected, and the feed is back soon after on one connection."""
    exchange.fault("cut", how=how)
    wait_for(lambda: (HealthState.DOWN, 0) in streaming.conditions, what="the cut to be noticed")

    streaming.wait_for_state("streaming")
    streaming.wait_for_data()
    assert (HealthState.HEALTHY, 2) == streaming.conditions[-1]
    assert 1 == streaming.supervisor.status().reconnects
    assert streaming.supervisor.status().last_error
    assert 1 == connections(exchange)


def test_no_data(watch: Watch, exchange: Exchange) -> None:
    """A connection that only pings is replaced; once the upstream sends data again, data comes."""
    streaming = watch(exchange.url, QUICK)
    streaming.wait_for_data()
    exchange.fault("mute")
    wait_for(
        lambda: "no price" in (streaming.supervisor.status().last_error or ""),
        8,
        "the missing data to be reported",
    )
    exchange.clear()

    streaming.wait_for_data()
    streaming.wait_for_state("streaming")


def test_half_open(watch: Watch, exchange: Exchange) -> None:
    """A connection without any frame is ended, and its socket closed."""
    streaming = watch(exchange.url, QUICK)
    streaming.wait_for_data()
    exchange.fault("half_open")
    wait_for(lambda: (HealthState.DOWN, 0) in streaming.conditions, 8, "the heartbeat timeout")
    exchange.clear()

    streaming.wait_for_state("streaming", timeout=PATIENCE)
    streaming.wait_for_data()
    wait_for(lambda: connections(exchange) == 1, 10, "the dead connection to be gone")


def test_books_have_the_latency_of_the_trades_before_them(watch: Watch, exchange: Exchange) -> None:
    """Binance's have no time of their own: a late book must not make a late price fresh."""
    watched = watch(exchange.url)
    wait_for(lambda: any(tick.trade for tick in watched.ticks), 10, "a trade that is on time")
    exchange.fault("delay", seconds=3)
    wait_for(lambda: watched.ticks[-1].late.total_seconds() > 2.5, 10, "late news")
    began = len(watched.ticks)
    wait_for(lambda: sum(bool(tick.book) for tick in watched.ticks[began:]) > 3, 10, "books")
    late = [tick.late.total_seconds() for tick in watched.ticks[began:] if tick.book]

    assert [] == [latency for latency in late if latency < 2.5]


@pytest.mark.parametrize("fault", ["garbage", "binary", "big_frame"])
def test_frames_of_the_wrong_kind(streaming: Watched, exchange: Exchange, fault: str) -> None:
    """Garbage, binary frames and a megabyte of other bytes are counted and ignored."""
    exchange.fault(fault)

    wait_for(lambda: streaming.supervisor.status().unreadable > 0, 5, "a frame to be refused")
    streaming.wait_for_data()
    assert "streaming" == streaming.state
    assert 0 == streaming.supervisor.status().reconnects
    assert "unreadable frame" in (streaming.supervisor.status().last_error or "")


def test_unknown_symbol(watch: Watch, exchange: Exchange) -> None:
    """A symbol that is acknowledged and gets no data does not affect the others."""
    watched = watch(exchange.url, names={**NAMES, "zzzusdt": "ZZZ"})
    watched.wait_for_data()
    time.sleep(1)

    assert "streaming" == watched.state
    assert "ZZZ" not in {tick.symbol for tick in watched.ticks}


@pytest.mark.parametrize("lead", [0, 1.5])
def test_shutdown_notice(streaming: Watched, exchange: Exchange, lead: float) -> None:
    """After the upstream's notice a second connection takes over; with a lead no data is lost."""
    exchange.fault("server_shutdown", lead=lead)
    wait_for(lambda: streaming.supervisor.status().reconnects > 0, 8, "the change-over")

    streaming.wait_for_data()
    streaming.wait_for_state("streaming")
    wait_for(lambda: connections(exchange) == 1, 5, "one connection")
    if lead:
        assert HealthState.DOWN not in {condition for condition, _ in streaming.conditions}


def test_an_upstream_that_wants_every_connection_replaced(
    streaming: Watched, exchange: Exchange
) -> None:
    """Repeated notices are followed with growing delays."""
    before = exchange.state()["connections_accepted"]
    until = time.monotonic() + 4
    while time.monotonic() < until:
        exchange.fault("server_shutdown", lead=30)
        time.sleep(0.1)

    assert exchange.state()["connections_accepted"] - before <= 8


def test_a_quiet_pair_loses_nothing(watch: Watch, exchange: Exchange) -> None:
    """A connection without data is kept until another one brings data, so none is lost."""
    timeouts = structs.replace(QUICK.timeouts, heartbeat_timeout=PATIENCE)
    watched = watch(exchange.url, structs.replace(QUICK, timeouts=timeouts))
    watched.wait_for_data()
    exchange.fault("mute")
    wait_for(lambda: len(exchange.state()["connections"]) == 2, 8, "a second connection")
    assert HealthState.DOWN not in {condition for condition, _ in watched.conditions}
    exchange.clear()

    watched.wait_for_data()
    watched.wait_for_state("streaming")
    wait_for(lambda: connections(exchange) == 1, 5, "one connection")


def test_planned_replacement(watch: Watch, exchange: Exchange) -> None:
    """A connection is replaced without a gap before the upstream ends it because of its age."""
    exchange.fault("lifetime", seconds=4)
    watched = watch(exchange.url, structs.replace(RELAXED, replace_after=1.5))
    wait_for(lambda: watched.supervisor.status().reconnects >= 3, 15, "three replacements")
    exchange.clear()

    assert HealthState.DOWN not in {condition for condition, _ in watched.conditions}
    ids = [tick.trade.id for tick in watched.ticks if tick.symbol == "BTC" and tick.trade]
    assert len(ids) > 3
    wait_for(lambda: connections(exchange) <= 2, 5, "the old connections to close")


def test_lifetime_without_a_plan(watch: Watch, exchange: Exchange) -> None:
    """A connection that the upstream ends because of its age is opened again."""
    watched = watch(exchange.url)
    watched.wait_for_data()
    exchange.fault("lifetime", seconds=0.5)
    wait_for(lambda: watched.supervisor.status().reconnects > 0, 8, "the cut")
    exchange.clear()

    watched.wait_for_state("streaming")
    watched.wait_for_data()


def test_refused_for_its_rate(watch: Watch, exchange: Exchange) -> None:
    """After a refusal for too many requests it waits at least a minute, and reports it."""
    exchange.fault("refuse", status=429, retry_after=120)
    watched = watch(exchange.url)
    watched.wait_for_state("waiting")
    exchange.clear()
    time.sleep(1.5)

    assert "waiting" == watched.state
    assert "429" in (watched.supervisor.status().last_error or "")


def test_refused_for_a_while(watch: Watch, exchange: Exchange) -> None:
    """After a 503 it connects again soon."""
    exchange.fault("refuse", status=503)
    watched = watch(exchange.url)
    watched.wait_for_state("waiting")
    exchange.clear()

    watched.wait_for_data()


def test_nobody_there(watch: Watch, tmp_path, exchange: Exchange) -> None:
    """After an upstream was down and is back at the same address, it reconnects."""
    watched = watch(exchange.url)
    watched.wait_for_data()
    exchange.stop()
    watched.wait_for_state("waiting")
    with Exchange(tmp_path, port=exchange.port):
        watched.wait_for_data(15)
        watched.wait_for_state("streaming")


def test_follows_what_is_added_and_dropped(streaming: Watched, exchange: Exchange) -> None:
    """Symbols can be added and dropped while it runs, without another connection."""
    streaming.supervisor.follow({"btcusdt": "BTC", "solusdt": "SOL"}, lambda: True)
    wait_for(lambda: "SOL" in {tick.symbol for tick in streaming.ticks}, 5, "the new symbol")
    time.sleep(0.5)
    del streaming.ticks[:]
    streaming.wait_for_data()

    streams = exchange.state()["connections"][0]["subscriptions"]
    assert {"btcusdt", "solusdt"} == {stream.partition("@")[0] for stream in streams}
    assert "ETH" not in {tick.symbol for tick in streaming.ticks}
    assert 0 == streaming.supervisor.status().reconnects


def test_stop_while_nobody_answers(
    exchange: Exchange, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping does not wait for a handshake that never comes."""
    monkeypatch.setattr("omcrm.feeds.connection._LONGEST_HANDSHAKE", 3600)
    exchange.fault("half_open")
    watched = watch(exchange.url)
    watched.wait_for_state("connecting")
    time.sleep(0.3)
    watched.supervisor.stop()

    assert [] == watched.threads.new()
    exchange.clear()


def test_too_many_symbols() -> None:
    """Symbols beyond the upstream's limit are left out, and reported."""
    watched = Watched("ws://127.0.0.1:1")
    watched.supervisor.follow({f"s{n}usdt": f"S{n}" for n in range(400)}, lambda: True)
    status = watched.supervisor.status()

    assert Binance("ws://x", ("trade", "bookTicker", "ticker")).limits.symbols == status.symbols
    assert "400 symbols wanted" in (status.last_error or "")


def test_one_supervisor_one_thread_of_its_own(streaming: Watched) -> None:
    """It has one supervising thread and one per connection."""
    assert ["binance-1", "feed-binance"] == streaming.threads.new()
