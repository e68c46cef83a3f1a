"""Resuming at a rate tier: which quotes a client lacks."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streaming.timed_tier import NOON, SYMBOLS, WINDOW, TimedTier, price, same_price


def test_unchanged_symbols_are_not_missing(timed_tier: TimedTier) -> None:
    """A quote sent long before the client's last number is not sent again."""
    timed_tier.send(NOON, price(1), price(2, "ETH"))
    timed_tier.send(NOON + 1, price(3, "SOL"))

    assert {"SOL"} == timed_tier.lacking(3)


def test_changed_symbols_are_missing_whether_sent_or_waiting(timed_tier: TimedTier) -> None:
    """It makes no difference how far the change got."""
    timed_tier.send(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    timed_tier.send(NOON + 1, price(4))
    timed_tier.send(NOON + 2, price(5))
    timed_tier.note(NOON + 2, price(6, "ETH"))

    assert {"BTC", "ETH"} == timed_tier.lacking(4)


def test_a_lower_number_sent_later_is_missing(price_tier: TimedTier) -> None:
    """It may have waited for a second while others with higher numbers were sent."""
    price_tier.send(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    price_tier.note(NOON + 0.1, price(90, "ETH"))
    price_tier.send(NOON + 0.5, price(100, number="2"))

    assert "ETH" in price_tier.lacking(100)
    assert [90] == price_tier.flush(NOON + 1)
    assert "ETH" in price_tier.lacking(100)


def test_a_lower_number_sent_last_does_not_hide_a_higher_one(price_tier: TimedTier) -> None:
    """The last number sent is not the highest number sent."""
    price_tier.send(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    price_tier.send(NOON + 0.7, price(80, "SOL", "2"))
    price_tier.note(NOON + 0.8, price(90, "ETH"))
    price_tier.send(NOON + 0.9, price(100, number="2"))
    price_tier.flush(NOON + 1)

    assert "ETH" in price_tier.lacking(100)


def test_a_late_quote_without_subscribers_is_missing(timed_tier: TimedTier) -> None:
    """A slower thread published a lower number than the client's after the client was gone."""
    timed_tier.send(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    timed_tier.send(NOON + 1, price(100))
    timed_tier.tier.set_symbols(timed_tier.viewer, frozenset())
    timed_tier.note(NOON + 1, price(99, "ETH"))

    assert {"BTC", "ETH"} == timed_tier.lacking(100)


def test_resuming_beyond_the_records_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that was away for too long, or was never here, gets a full snapshot."""
    monkeypatch.setattr("omcrm.streaming.rate_tier._RECORDS", 8)
    timed_tier = TimedTier()
    for number in range(1, 21):
        timed_tier.send(NOON + number, price(number))

    assert None is timed_tier.lacking(0)
    assert None is timed_tier.lacking(13)
    assert {"BTC"} == timed_tier.lacking(14)
    assert {"BTC"} == timed_tier.lacking(20)


def test_the_records_span_a_quarter_of_an_hour(timed_tier: TimedTier) -> None:
    """However busy it is, flushes are recorded four times a second at most."""
    for number in range(1, 17 * 60 * 10):
        timed_tier.send(NOON + number / 10, price(number))

    assert None is not timed_tier.lacking(2 * 60 * 10)


class Crowd:
    """Clients that get a snapshot, then each flush, and may lose their connection after any."""

    def __init__(self, timed_tier: TimedTier) -> None:
        self._timed_tier = timed_tier
        # The numbers each client has by symbol, with its highest number.
        self._here: list[tuple[dict[str, int], int]] = []
        self.lost: list[tuple[dict[str, int], int]] = []

    def join(self, top: int) -> None:
        self._here.append(
            ({quote.symbol: quote.seq for quote in self._timed_tier.known.values()}, top)
        )

    def flush(self, now: float) -> None:
        before = len(self._timed_tier.sent)
        self._timed_tier.flush(now)
        sent = {symbol: seq for _, symbol, seq in self._timed_tier.sent[before:]}
        self._here = [({**has, **sent}, max(top, *sent.values())) for has, top in self._here]
        self.lost += self._here


# A change, or a new client: the half windows before it, the symbol, the price (None: a client).
steps = st.tuples(
    st.integers(0, 5), st.sampled_from(SYMBOLS), st.sampled_from(["1", "1", "2", None])
)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.lists(steps, min_size=20, max_size=60), st.booleans())
def test_every_quote_a_client_lacks_is_named(
    history: Sequence[tuple[int, str, str | None]], overtaking: bool
) -> None:
    """At whichever moment the connection was lost; the second of two overtaking threads publishes
    the lower number.
    """
    timed_tier, now, top = TimedTier(same_price), NOON, 0
    crowd = Crowd(timed_tier)
    for index, (pause, symbol, number) in enumerate(history, 2):
        now += pause * WINDOW / 2
        while (due := timed_tier.tier.next_flush(now - WINDOW)) <= now:
            crowd.flush(max(due, now - WINDOW))
        seq = index ^ 1 if overtaking else index
        if number is None:
            crowd.join(top)
        elif symbol not in timed_tier.known or timed_tier.known[symbol].seq < seq:
            timed_tier.note(now, price(seq, symbol, number))
            top = max(top, seq)

    for has, highest in crowd.lost:
        lacks = {item for item, newest in timed_tier.known.items() if newest.seq != has.get(item)}
        named = timed_tier.lacking(highest)

        assert named is None or lacks <= named, f"a client with {has} resumes from {highest}"
