"""Quotes with the same facts as before are not sent again; the last change always is."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.market.quote import Quote
from omcrm.streaming.fanout import FanOut
from tests.streaming.page import FOR_EVER, Page, flush, publish, subscribed, symbol_and_price


@pytest.fixture
def fanout() -> Iterator[FanOut]:
    """A fan-out that has not been started, with a window that never ends."""
    fanout = FanOut(FOR_EVER)
    yield fanout
    fanout.stop()


def number(quote: Quote) -> str:
    return str(quote.last)


def test_repeated_facts_are_not_sent(fanout: FanOut) -> None:
    """Only in dialects with facts; a requested snapshot is sent in any case."""
    page, other = Page(), subscribed(fanout, "BTC", dialect=number)
    page.subscribe(fanout, "BTC", facts=number)
    flush(fanout, "BTC 1 5")
    flush(fanout, "BTC 2 5")
    flush(fanout, "BTC 3 6")
    flush(fanout, "BTC 4 6")
    page.subscribe(fanout, "BTC")
    flush(fanout, "BTC 5 6", "ETH 6")

    assert ["BTC 1", "BTC 3", "BTC 4"] == page.packets
    assert ["5", "5", "6", "6", "6"] == other.packets


def test_facts_that_return_are_sent_if_others_were_sent_between(fanout: FanOut) -> None:
    """Another page got a snapshot with a price between two equal ones."""
    early, late = Page(), Page()
    early.subscribe(fanout, "BTC", facts=number)
    flush(fanout, "BTC 1 5")
    publish(fanout, "BTC 2 6")
    late.subscribe(fanout, "BTC", facts=number)
    flush(fanout, "BTC 3 5")

    assert ["BTC 2", "BTC 3"] == late.packets


ACTS = st.one_of(
    st.tuples(st.just("price"), st.integers(0, 1), st.integers(1, 3)),
    st.tuples(st.just("flush"), st.just(0), st.just(0)),
    st.tuples(
        st.sampled_from(["watch", "block", "unblock", "leave"]), st.integers(0, 3), st.just(0)
    ),
    st.tuples(st.just("forget"), st.integers(0, 1), st.just(0)),
)


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=60))
def test_skipping_repeats_never_hides_the_newest_price(
    acts: list[tuple[str, int, int]],
) -> None:
    """Whichever pages subscribe, leave, read slowly or have another rate."""
    fanout, numbers = FanOut(FOR_EVER), itertools.count(1)
    pages = [Page() for _ in range(4)]
    known: dict[str, int] = {}
    for act, which, new in [
        *acts,
        *(("unblock", number, 0) for number in range(4)),
        ("flush", 0, 0),
    ]:
        symbol = ("BTC", "ETH")[which % 2]
        if act == "price":
            publish(fanout, f"{symbol} {next(numbers)} {new}")
            known[symbol] = new
        elif act == "flush":
            fanout._flush_due(at_the_end=True)
        elif act == "watch":
            rate = 1e-6 if which == 3 else None
            pages[which].subscribe(
                fanout, "BTC ETH", symbol_and_price, facts=symbol_and_price, max_rate=rate
            )
        elif act == "block":
            pages[which].ready = False
        elif act == "unblock" and pages[which].subscriber is not None:
            pages[which].get_ready()
        elif act == "leave" and pages[which].subscriber is not None:
            fanout.remove(pages[which].subscriber)
            pages[which] = Page()
        elif act == "forget":
            fanout.forget([symbol])
            known.pop(symbol, None)
    for page in pages:
        watched = page.subscriber.symbols if page.subscriber is not None else ()
        for symbol in known.keys() & watched:
            assert (
                f"{symbol} {known[symbol]}"
                == [packet for packet in page.packets if packet.startswith(symbol)][-1]
            )
