import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.errors import FeedError
from omcrm.feeds.http_query import CallQuota, HttpQuery
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Budget, Call
from omcrm.feeds.quota import CallCounts
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE

QUOTA = CallQuota("coingecko", "", (Budget(2, "month"),))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., HttpQuery]]:
    """Makes queries with shared call counts, and closes them after the test."""
    made: list[HttpQuery] = []

    def make(
        seconds: float = 10, renewal_wait: float = 0, clock: Callable[[], datetime] = now
    ) -> HttpQuery:
        made.append(HttpQuery(CallCounts(tmp_path), Keys(), clock, seconds, renewal_wait))
        return made[-1]

    yield make
    for query in made:
        query.close()


def test_each_call_is_counted(ask: Callable[..., HttpQuery]) -> None:
    """All queries share the budget; a call beyond it is not made."""
    with Upstream(answering(http(b"{}"))) as upstream:
        for _ in range(2):
            assert b"{}" == ask().get(QUOTA, Call(upstream.url, ())).body
        with pytest.raises(FeedError, match="quota is used up until"):
            ask().get(QUOTA, Call(upstream.url, ()))
        assert 2 == len(upstream.requests)


def test_it_waits_for_a_budget_that_renews_soon(ask: Callable[..., HttpQuery]) -> None:
    """It waits `renewal_wait` seconds at most."""
    quota = CallQuota("coingecko", "", (Budget(1, "minute"),))
    began: datetime | None = None

    def clock() -> datetime:
        # Half a second before the minute is over, until the last call begins.
        start = datetime(2026, 3, 4, 12, 0, 59, 500_000, tzinfo=UTC)
        return start if began is None else start + (now() - began)

    with Upstream(answering(http(b"{}"))) as upstream:
        call = Call(upstream.url, ())
        ask(clock=clock).get(quota, call)
        with pytest.raises(FeedError, match="used up"):
            ask(clock=clock, renewal_wait=0.1).get(quota, call)
        began = now()
        ask(clock=clock, renewal_wait=5).get(quota, call)

        assert 2 == len(upstream.requests)
    assert timedelta(seconds=0.5) <= now() - began


def test_it_ends_in_time(ask: Callable[..., HttpQuery]) -> None:
    """It does not wait for a late answer, and makes no further call."""
    waiting = threading.Event()
    with Upstream(lambda *_: waiting.wait(PATIENCE)) as upstream:
        query = ask(seconds=0.5)
        with pytest.raises(FeedError, match="no time left"):
            query.get(QUOTA, Call(upstream.url, ()))
        assert query.is_over
        with pytest.raises(FeedError, match="no time left"):
            query.get(QUOTA, Call(upstream.url, ()))
        assert 1 == len(upstream.requests)
        waiting.set()


def test_it_ends_in_the_middle_of_a_wait(ask: Callable[..., HttpQuery]) -> None:
    """`close` ends the wait for a budget."""
    quota = CallQuota("coingecko", "", (Budget(0, "minute"),))
    query = ask(seconds=3600, renewal_wait=3600)
    timer = threading.Timer(0.2, query.close)
    timer.start()
    with pytest.raises(FeedError, match="stopped"):
        query.get(quota, Call("http://127.0.0.1:9", ()))
    timer.join()


def test_what_the_upstream_counts_is_noted(ask: Callable[..., HttpQuery]) -> None:
    """After a refusal for the rest of the month no query makes a call."""
    error = ask().note_refusal(QUOTA, AccessDenied(429, "no more", 86_400.0))
    with pytest.raises(FeedError, match="used up"):
        ask().get(QUOTA, Call("http://127.0.0.1:9", ()))

    assert "refused with 429: no more" == str(error)


def test_keys_are_hidden(tmp_path: Path) -> None:
    """No problem text has a key in it."""
    keys = Keys(lambda name: "a-very-secret-key")
    keys.get("ANY")
    query = HttpQuery(CallCounts(tmp_path), keys, now, 1)

    assert "x *** token=***" == query.hidden("x a-very-secret-key token=abc")
