"""An upstream is polled at its interval and within its quota.

Long for a reason: there is a test for each way in which a poll can fail.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.providers import coingecko
from omcrm.feeds.providers.coingecko.poll import CoinGecko
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.timing import FeedClock
from omcrm.market.source import HealthState
from tests.conftest import ManualClock
from tests.feeds.polled import NAMES, Broken, Demanding, Half, Watched
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import Exchange, free_port, wait_for

SECRET = "a-very-secret-key"
LIMITS = CoinGecko.limits


def address(exchange: Exchange) -> str:
    return f"http://127.0.0.1:{exchange.port}/coingecko"


def answers(exchange: Exchange) -> int:
    """How many calls CoinGecko's venue has answered."""
    return int(exchange.state()["venues"]["coingecko"]["http_answers"])


def asked(upstream: Upstream) -> list[str]:
    """The ids in each request."""
    urls = [urlsplit(request.split(b" ")[1].decode()) for request in upstream.requests]
    return [parse_qs(url.query)["ids"][0] for url in urls]


# Polling


def test_polls_and_reports(watch_poller: Callable[..., Watched], exchange: Exchange) -> None:
    """Prices come, and the status is complete."""
    watched = watch_poller(address(exchange))
    wait_for(lambda: {"BTC", "ETH"} == {tick.symbol for tick in watched.ticks}, 5, "prices")
    status = watched.poller.status()

    assert ("polling", True, "http", 2) == (
        status.state,
        status.active,
        status.type,
        status.symbols,
    )
    assert [HealthState.PENDING, HealthState.HEALTHY] == watched.conditions
    assert (0, 0, None) == (status.reconnects, status.unreadable, status.last_error)
    assert status.messages > 0
    assert watched.ticks[-1].received_at <= datetime.now(UTC)
    assert {"coingecko"} == set(watched.changes)


def test_asks_again_after_its_interval(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """Not sooner, even when it is woken."""
    began = time.monotonic()
    watched = watch_poller(address(exchange), polling=Polling(interval=0.5))
    while answers(exchange) < 4:
        watched.poller.follow(NAMES, lambda: True)
        time.sleep(0.02)

    assert time.monotonic() - began >= 3 * 0.5


def test_its_limits_are_kept_by_default(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """CoinGecko is polled once a minute, even where the setting is shorter."""
    watched = watch_poller(address(exchange), make=CoinGecko, polling=Polling(interval=0.01))
    wait_for(lambda: watched.ticks, 5, "prices")
    time.sleep(0.7)

    assert 1 == answers(exchange)


def test_keeps_its_connection(watch_poller: Callable[..., Watched]) -> None:
    """All calls use one connection."""
    with Upstream(answering(http())) as upstream:
        watch_poller(upstream.url)
        wait_for(lambda: len(upstream.requests) >= 4, 5, "some calls")
        assert 1 == upstream.connections


def test_follows_what_is_added_and_dropped(watch_poller: Callable[..., Watched]) -> None:
    """The change applies from the next call on."""
    with Upstream(answering(http())) as upstream:
        watched = watch_poller(upstream.url)
        wait_for(lambda: "bitcoin,ethereum" in asked(upstream), 5, "the first call")
        watched.poller.follow({"solana": "SOL"}, lambda: True)
        wait_for(lambda: asked(upstream)[-1] == "solana", 5, "the new symbol")
        watched.poller.follow({}, lambda: True)
        watched.wait_for_state("standby")
        before = len(upstream.requests)
        time.sleep(0.4)
        assert before == len(upstream.requests)


def test_what_failed_is_asked_again_before_its_interval(
    watch_poller: Callable[..., Watched],
) -> None:
    """It retries after a minute, then after two: an hour without an exchange rate is too long."""
    fast_clock = FeedClock(200.0)
    with Upstream(answering(http(b"{}", "503 Service Unavailable"))) as upstream:
        polling = Polling(interval=3600.0)
        watched = watch_poller(upstream.url, polling=polling, feed_clock=fast_clock)
        wait_for(lambda: watched.poller.status().reconnects == 2, 10, "two failures")
        left = watched.poller._ask_at - fast_clock.now()

    assert 2 == len(upstream.requests)
    assert 60 < left <= 120


# The schedule


def test_the_most_urgent_are_polled_first(watch_poller: Callable[..., Watched]) -> None:
    """In batches: subscribed symbols, then the rest; unwanted symbols are left out."""
    names = {name: name.upper() for name in "abcdefg"}
    wanted = {"C": 2, "F": 2, "G": 3, "A": 0, "E": 0}
    with Upstream(answering(http())) as upstream:
        watch_poller(upstream.url, names=names, polling=Polling(60.0, batch=2), wanted=wanted)
        wait_for(lambda: len(upstream.requests) == 3, 5, "three calls")
        time.sleep(0.3)

    assert ["g,c", "f,b", "d"] == asked(upstream)


def test_stands_by_while_others_have_prices(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """Unwanted symbols are not polled; they are while they are wanted."""
    watched = watch_poller(address(exchange), wanted={"BTC": 0, "ETH": 0})
    watched.wait_for_state("standby")
    time.sleep(0.3)
    assert 0 == answers(exchange)
    assert not watched.poller.status().active

    watched.wanted = {"BTC": 1, "ETH": 0}
    watched.wait_for_state("polling")
    watched.wanted = {"BTC": 0, "ETH": 0}
    watched.wait_for_state("standby")
    assert {"BTC"} == {tick.symbol for tick in watched.ticks}


# The quota


def test_never_asks_more_than_its_quota(
    watch_poller: Callable[..., Watched], clock: ManualClock
) -> None:
    """Of eight batches five are requested in a minute, and the rest in the next one."""
    names = {f"coin{number}": f"C{number}" for number in range(8)}
    clock.pass_seconds(58.8)
    with Upstream(answering(http())) as upstream:
        watched = watch_poller(
            upstream.url, make=CoinGecko, names=names, polling=Polling(batch=1), clock=clock
        )
        wait_for(lambda: len(upstream.requests) == 5, 5, "five calls")
        time.sleep(1.6)
        assert 5 == len(upstream.requests)
        assert [5, 5] == [use.used for use in watched.poller.uses()]
        clock.pass_seconds(2)
        wait_for(lambda: len(upstream.requests) == 8, 5, "the rest")
        time.sleep(0.3)
        assert [3, 8] == sorted(use.used for use in watched.poller.uses())

    assert sorted(names) == sorted(asked(upstream))


def test_two_pollers_share_a_quota(
    watch_poller: Callable[..., Watched], clock: ManualClock
) -> None:
    """Two pollers with one key make as many calls as one of them could."""
    names = {f"coin{number}": f"C{number}" for number in range(8)}
    options = {"make": CoinGecko, "names": names, "polling": Polling(batch=1), "clock": clock}
    with Upstream(answering(http())) as upstream:
        for _ in range(2):
            watch_poller(upstream.url, **options)
        wait_for(lambda: len(upstream.requests) == 5, 5, "five calls")
        time.sleep(0.5)
        assert 5 == len(upstream.requests)


def test_a_used_up_quota_is_reported_with_its_renewal(
    watch_poller: Callable[..., Watched], clock: ManualClock, tmp_path: Path
) -> None:
    """No call is made, and the status has the reason and the end."""
    with Upstream(answering(http())) as upstream:
        CallCounts(tmp_path / "state").exhaust("coingecko", "", LIMITS.budgets[1], clock())
        watched = watch_poller(upstream.url, make=CoinGecko, clock=clock)
        watched.wait_for_state("waiting")
        assert "its quota is used up until 2026-04-01 00:00 UTC" == watched.problem
        assert 55 < watched.wait <= 60
        assert [] == upstream.requests
        assert LIMITS.budgets[1] == watched.poller.uses()[0].budget


def test_calls_that_cannot_be_counted_are_not_made(
    watch_poller: Callable[..., Watched], tmp_path: Path
) -> None:
    """Without its folder no call is made, and it goes on when there is one."""
    (tmp_path / "state").write_text("a file in the folder's place")
    with Upstream(answering(http())) as upstream:
        watched = watch_poller(upstream.url)
        watched.wait_for_state("waiting")
        time.sleep(0.3)
        assert "its calls cannot be counted: File exists" == watched.problem
        assert [] == upstream.requests
        (tmp_path / "state").unlink()
        wait_for(lambda: upstream.requests, 10, "a call")


# Failures


@pytest.mark.parametrize(
    ("seconds", "least", "is_down"), [(120, 120, True), (5, 60, False), (None, 60, False)]
)
def test_a_refusal_for_its_rate_is_waited_out(
    watch_poller: Callable[..., Watched],
    exchange: Exchange,
    seconds: int | None,
    least: float,
    is_down: bool,
) -> None:
    """At least as long as the upstream says, and never less than a minute; down if for longer."""
    exchange.fault("refuse", venue="coingecko", status=429, retry_after=seconds)
    watched = watch_poller(address(exchange))
    watched.wait_for_state("waiting")
    exchange.clear()
    wait, before = watched.wait, answers(exchange)
    time.sleep(0.6)

    assert least - 30 < wait <= least
    assert (1, 1) == (before, answers(exchange))
    assert "refused with 429" in watched.problem
    assert [HealthState.PENDING, HealthState.DOWN][: 1 + is_down] == watched.conditions
    assert not watched.poller.status().active


def test_is_back_after_a_failure(watch_poller: Callable[..., Watched], exchange: Exchange) -> None:
    """After a 503 it polls again soon."""
    watched = watch_poller(address(exchange))
    watched.wait_for_data()
    exchange.fault("refuse", venue="coingecko", status=503)
    watched.wait_for_state("waiting")
    exchange.clear()

    watched.wait_for_data()
    assert "polling" == watched.state
    assert [HealthState.PENDING, HealthState.HEALTHY] == watched.conditions
    assert 1 == watched.poller.status().reconnects


def test_nobody_there(
    watch_poller: Callable[..., Watched], exchange: Exchange, tmp_path: Path
) -> None:
    """After an upstream was down and is back at the same address, prices come again."""
    watched = watch_poller(address(exchange))
    watched.wait_for_data()
    exchange.stop()
    watched.wait_for_state("waiting")
    wait_for(lambda: "connection refused" == watched.problem, 5, "the refusal")
    with Exchange(tmp_path, port=exchange.port):
        wait_for(lambda: watched.state == "polling", 15, "prices")


def test_an_unreached_upstream_costs_no_call_and_is_tried_again_soon(
    watch_poller: Callable[..., Watched], clock: ManualClock
) -> None:
    """Calls without a connection do not count against the quota."""
    watched = watch_poller(f"http://127.0.0.1:{free_port()}", make=CoinGecko, clock=clock)
    wait_for(lambda: watched.poller.status().reconnects >= 2, 10, "two attempts")
    watched.poller.stop()

    assert {0} == {use.used for use in watched.poller.uses()}


def test_an_answer_that_nobody_understands(
    watch_poller: Callable[..., Watched], caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, logged once, and soon polled again."""
    caplog.set_level(logging.WARNING)
    with Upstream(answering(http(b"<html>"))) as upstream:
        watched = watch_poller(upstream.url)
        wait_for(lambda: watched.poller.status().unreadable >= 2, 10, "two unreadable answers")
        assert "unreadable answer: DecodeError" in watched.problem
        assert [] == watched.ticks
        assert 1 == caplog.text.count("unreadable answer")


def test_what_is_understood_counts(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """A reply that is unreadable in part still brings its readable prices."""
    watched = watch_poller(address(exchange), make=Half)
    wait_for(lambda: watched.poller.status().unreadable >= 3, 5, "some replies")

    assert "polling" == watched.state
    assert [HealthState.PENDING, HealthState.HEALTHY] == watched.conditions
    assert "unreadable answer: one part" == watched.problem
    assert watched.ticks


def test_an_answer_without_prices_is_no_failure(watch_poller: Callable[..., Watched]) -> None:
    """A source without prices stays pending, is asked at its interval, and says what it lacks."""
    with Upstream(answering(http())) as upstream:
        watched = watch_poller(upstream.url)
        wait_for(lambda: len(upstream.requests) > 2, 5, "some calls")
        assert [HealthState.PENDING] == watched.conditions
        assert "no price of bitcoin, ethereum in its answer" == watched.problem
        assert ("waiting", False) == (watched.state, watched.poller.status().active)
        assert 0 == watched.poller.status().reconnects


def test_a_programming_error_ends_it_and_is_reported(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """A poller that dies reports it, without the key, and is down."""
    watched = watch_poller(address(exchange), make=Broken, settings={coingecko.KEY.env: SECRET})
    wait_for(lambda: HealthState.DOWN is watched.conditions[-1], 5, "its end")

    assert "poller died: RuntimeError('a mistake with ***')" == watched.problem
    assert "stopped" == watched.state


# The key


def test_without_its_key_it_is_off(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """The status names the missing setting; it polls when the key is set, and stops without it."""
    settings: dict[str, str] = {"SOMETHING": "else"}
    watched = watch_poller(address(exchange), make=Demanding, settings=settings)
    watched.wait_for_state("off")
    time.sleep(0.4)
    assert "COINGECKO_API_KEY is not set" == watched.problem
    assert {HealthState.PENDING, HealthState.OFF} == set(watched.conditions)
    assert 0 == answers(exchange)

    settings[coingecko.KEY.env] = SECRET
    watched.wait_for_data()
    assert ("polling", "") == (watched.state, watched.problem)
    assert [HealthState.OFF, HealthState.PENDING, HealthState.HEALTHY] == watched.conditions[-3:]

    del settings[coingecko.KEY.env]
    watched.wait_for_state("off")


def test_the_key_is_nowhere(
    watch_poller: Callable[..., Watched], caplog: pytest.LogCaptureFixture
) -> None:
    """A key that an upstream repeats in its refusal is neither in a log nor in the status."""
    caplog.set_level(logging.DEBUG)
    refused = http(f"the key {SECRET} is wrong".encode(), "401 No")
    with Upstream(answering(refused)) as upstream:
        watched = watch_poller(upstream.url, settings={coingecko.KEY.env: SECRET})
        watched.wait_for_state("waiting")
        assert f"x-cg-demo-api-key: {SECRET}".encode() in upstream.requests[0]
        assert "refused with 401: the key *** is wrong" == watched.problem
        assert 290 < watched.wait <= 300

    assert SECRET not in caplog.text
    assert "***" in caplog.text


# The end


def test_starts_and_stops_twice(watch_poller: Callable[..., Watched], exchange: Exchange) -> None:
    """Both are harmless, there is one thread, and after a stop it can be started anew."""
    watched = watch_poller(address(exchange))
    watched.poller.start()
    watched.wait_for_data()
    assert 1 == watched.threads.count("feed-coingecko")
    watched.poller.stop()
    watched.poller.stop()
    assert ("stopped", HealthState.DOWN) == (watched.state, watched.conditions[-1])
    before = answers(exchange)
    time.sleep(0.3)
    assert before == answers(exchange)

    watched.poller.start()
    watched.wait_for_data()
    assert 2 == watched.ticks[-1].connection


def test_stops_in_the_middle_of_an_answer(
    watch_poller: Callable[..., Watched], exchange: Exchange
) -> None:
    """Stopping does not wait for a slow upstream, and the interrupted call is no failure."""
    exchange.fault("half_open", venue="coingecko")
    watched = watch_poller(address(exchange))
    waits = "handshakes_unanswered"
    wait_for(lambda: exchange.state()["venues"]["coingecko"][waits], 5, "the call")
    watched.poller.stop()

    assert ("stopped", "") == (watched.state, watched.problem)
    assert [HealthState.PENDING, HealthState.DOWN] == watched.conditions
    watched.threads.wait()


def test_a_stop_before_the_start(tmp_path: Path) -> None:
    """A poller that was never started can be stopped."""
    watched = Watched("http://127.0.0.1:9", tmp_path)
    watched.poller.stop()

    assert "stopped" == watched.state
    assert [] == watched.conditions
