import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omcrm.errors import FeedError
from omcrm.feeds.inquiry import Inquiry, Purse
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Budget, Call, Expelled
from omcrm.feeds.quota import Ledger
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE

PURSE = Purse("coingecko", "", (Budget(2, "month"),))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., Inquiry]]:
    """Makes inquiries on one ledger, which end with the test."""
    made: list[Inquiry] = []

    def make(
        seconds: float = 10, patience: float = 0, clock: Callable[[], datetime] = now
    ) -> Inquiry:
        made.append(Inquiry(Ledger(tmp_path), Keys(), clock, seconds, patience))
        return made[-1]

    yield make
    for inquiry in made:
        inquiry.close()


def test_each_call_is_counted_in_the_ledger(ask: Callable[..., Inquiry]) -> None:
    """All who ask share the budget; what it does not hold is not asked."""
    with Upstream(answering(http(b"{}"))) as upstream:
        for _ in range(2):
            assert b"{}" == ask().get(PURSE, Call(upstream.url, ())).body
        with pytest.raises(FeedError, match="quota is used up until"):
            ask().get(PURSE, Call(upstream.url, ()))
        assert 2 == len(upstream.requests)


def test_it_waits_for_a_budget_that_renews_soon(ask: Callable[..., Inquiry]) -> None:
    """So long as its patience lasts, and no longer."""
    purse = Purse("coingecko", "", (Budget(1, "minute"),))
    began = time.monotonic()

    def clock() -> datetime:
        # Half a second before the minute is over.
        start = datetime(2026, 3, 4, 12, 0, 59, 500_000, tzinfo=UTC)
        return start + (now() - begin)

    begin = now()
    with Upstream(answering(http(b"{}"))) as upstream:
        call = Call(upstream.url, ())
        ask(clock=clock).get(purse, call)
        with pytest.raises(FeedError, match="used up"):
            ask(clock=clock, patience=0.1).get(purse, call)
        ask(clock=clock, patience=5).get(purse, call)

        assert 2 == len(upstream.requests)
    assert 0.3 < time.monotonic() - began


def test_it_is_over_in_time(ask: Callable[..., Inquiry]) -> None:
    """An answer that does not come is not waited for, and nobody else is asked afterwards."""
    waiting = threading.Event()
    with Upstream(lambda *_: waiting.wait(PATIENCE)) as upstream:
        inquiry = ask(seconds=0.5)
        with pytest.raises(FeedError, match="no time left"):
            inquiry.get(PURSE, Call(upstream.url, ()))
        assert inquiry.is_over
        with pytest.raises(FeedError, match="no time left"):
            inquiry.get(PURSE, Call(upstream.url, ()))
        assert 1 == len(upstream.requests)
        waiting.set()


def test_it_ends_in_the_middle_of_a_wait(ask: Callable[..., Inquiry]) -> None:
    """Whoever stops it need not wait for the budget."""
    purse = Purse("coingecko", "", (Budget(0, "minute"),))
    inquiry = ask(seconds=3600, patience=3600)
    timer = threading.Timer(0.2, inquiry.close)
    timer.start()
    with pytest.raises(FeedError, match="stopped"):
        inquiry.get(purse, Call("http://127.0.0.1:9", ()))
    timer.join()


def test_what_the_upstream_counts_is_noted(ask: Callable[..., Inquiry]) -> None:
    """A refusal for the rest of the month keeps everybody from asking."""
    error = ask().note_refusal(PURSE, Expelled(429, "no more", 86_400.0))
    with pytest.raises(FeedError, match="used up"):
        ask().get(PURSE, Call("http://127.0.0.1:9", ()))

    assert "refused with 429: no more" == str(error)


def test_keys_are_hidden(tmp_path: Path) -> None:
    """No problem that is told has a key in it."""
    keys = Keys(lambda name: "a-very-secret-key")
    keys.get("ANY")
    inquiry = Inquiry(Ledger(tmp_path), keys, now, 1)

    assert "x *** token=***" == inquiry.hidden("x a-very-secret-key token=abc")
