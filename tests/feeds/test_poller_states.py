"""A poller's state, health and unserved symbols are what it gets."""

import json
import socket
import threading
from collections.abc import Callable

from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.providers.finnhub import KEY
from omcrm.feeds.timing import FeedClock
from omcrm.market.feed_event import FeedCode
from omcrm.market.feed_status import FeedState
from omcrm.market.source import HealthState
from tests.feeds.polled import QuickQuote, Watched
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE, wait_for

SECRET = "a-very-secret-key"
BTC = {"bitcoin": "BTC"}
BITCOIN = json.dumps({"bitcoin": {"usd": 61000, "last_updated_at": 1_700_000_000}}).encode()
MICROSOFT = json.dumps({"c": 410.5, "t": 1_700_000_000}).encode()
NO_ACCESS = json.dumps({"error": "You don't have access to this resource."}).encode()


def test_is_down_once_its_calls_have_failed_for_a_minute(
    watch_poller: Callable[..., Watched],
) -> None:
    """One failed call may be an accident; it is healthy again with the next price."""
    healthy, down = HealthState.HEALTHY, HealthState.DOWN
    with Upstream(answering(http(BITCOIN))) as upstream:
        watched = watch_poller(
            upstream.url,
            names=BTC,
            polling=Polling(interval=30.0),
            feed_clock=FeedClock(60.0),
        )
        watched.wait_for_data()
        upstream.serve = answering(http(b"", "403 Forbidden"))
        watched.wait_for_state("waiting")
        at_once = watched.conditions.copy()
        upstream.serve = answering(http(BITCOIN))
        watched.wait_for_data()
        upstream.serve = answering(http(b"", "503 Service Unavailable"))
        watched.wait_for_state("waiting")
        after_one = watched.conditions.copy()
        wait_for(lambda: watched.conditions[-1] is down, what="it to be down")
        failed = watched.poller.status().reconnects

    # A refusal of the key lasts for minutes, and that is known at once.
    assert [HealthState.PENDING, healthy, down] == at_once
    assert [HealthState.PENDING, healthy, down, healthy] == after_one
    assert failed >= 3


def test_a_symbol_that_is_refused_alone_is_unserved(watch_poller: Callable[..., Watched]) -> None:
    """The other one is polled; where all are refused, it is not `polling`."""

    def serve(client: socket.socket, request: bytes) -> bool:
        is_refused = b"symbol=AAPL" in request or all_refused
        answer = http(NO_ACCESS, "403 Forbidden") if is_refused else http(MICROSOFT)
        client.sendall(answer)
        return True

    all_refused = False
    names = {"AAPL": "AAPL", "MSFT": "MSFT"}
    with Upstream(serve) as upstream:
        watched = watch_poller(
            upstream.url, make=QuickQuote, names=names, settings={KEY.env: SECRET}
        )
        watched.wait_for_data()
        wait_for(lambda: watched.unserved, what="the refusal")
        in_part = watched.poller.status()
        refused = sum(b"symbol=AAPL" in request for request in upstream.requests)
        all_refused = True
        watched.wait_for_state("waiting")
        wait_for(lambda: len(watched.unserved) == 2, what="the refusal of both")
        in_full = watched.poller.status()

    assert [frozenset({"AAPL"}), frozenset(names)] == watched.unserved
    assert 1 == refused
    assert {"MSFT"} == {tick.symbol for tick in watched.ticks}
    assert (FeedState.POLLING, None) == (in_part.state, in_part.cause)
    assert FeedCode.REQUEST_REJECTED is in_full.cause.code
    assert not in_full.active


def test_what_it_awaits(watch_poller: Callable[..., Watched]) -> None:
    """A price that is under way or due; not one that came just now, nor while it is down."""
    answer = threading.Event()

    def serve(client: socket.socket, request: bytes) -> bool:
        answer.wait(PATIENCE)
        client.sendall(http(BITCOIN))
        return True

    with Upstream(serve) as upstream:
        watched = watch_poller(upstream.url, names=BTC, polling=Polling(60.0), wanted={"ETH": 0})
        wait_for(lambda: upstream.requests, what="the call")
        awaited = [watched.poller.awaits(symbol) for symbol in ("BTC", "ETH", "SOL")]
        answer.set()
        watched.wait_for_data()
        wait_for(lambda: not watched.poller.awaits("BTC"), what="the end of the call")
        watched.poller.stop()
        after_the_end = watched.poller.awaits("BTC")

    assert [True, False, False] == awaited
    assert not after_the_end
