from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from msgspec import structs

from omcrm.feeds.timing import FeedClock
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.session import Calendar
from simulator.drill.fault import FAULTS, DrillFault
from simulator.drill.market_history import PriceRange
from simulator.drill.price_monitor import PriceMonitor
from simulator.drill.setup import ADDRESSES
from simulator.drill.violation import ViolationKind
from tests.values import after, instrument, quote, trade

POLICY = POLICIES[AssetClass.CRYPTO].of("BTC")
COINBASE = "coinbase"


def at(price: str | int) -> PriceRange:
    """A price that did not move."""
    return PriceRange(Decimal(price), Decimal(price), Decimal(price))


def reported(name: str, price: str) -> Quote:
    """What an honest source reports of now."""
    shown = quote(trade(price))
    return structs.replace(shown, source=structs.replace(shown.source, name=name))


def monitor_of(
    seconds: float = 1.0,
    truth: str = "100",
    reviewed: float | None = None,
    *,
    streams: tuple[str, ...] = (COINBASE, "kraken"),
    calendar: Calendar = Calendar.ALWAYS,
    closes_at: float | None = None,
) -> PriceMonitor:
    """A monitor of a market that is at `truth` from -100 s on; its last review was `reviewed`."""
    reviewed_at = None if reviewed is None else after(reviewed)
    setup = SimpleNamespace(
        instruments=[instrument("BTC", calendar=calendar)],
        clock=lambda: after(seconds),
        feed_clock=FeedClock(),
        manager=SimpleNamespace(
            engine=SimpleNamespace(
                reviewed_at=reviewed_at,
                consolidator=SimpleNamespace(
                    quotes_by_source=lambda _: {name: reported(name, truth) for name in streams}
                ),
            )
        ),
        settings=SimpleNamespace(urls=dict.fromkeys(ADDRESSES, "")),
        streams_of=lambda _: list(streams),
        truth=lambda: {"BTC": at(truth)},
        closes_at=closes_at,
    )
    monitor = PriceMonitor(setup)
    for second in range(-100, 1):
        monitor._history.note({"BTC": at(truth)}, float(second))
    return monitor


def problem(shown: Quote, **details: object) -> str:
    """What is wrong with a quote; empty for nothing."""
    violation = monitor_of(**details)._violation(shown, POLICY, 0.0)
    return "" if violation is None else str(violation)


def test_a_good_price_is_good() -> None:
    """Fresh, quick and close to the market."""
    assert "" == problem(quote(trade("100.3", time=after(-0.1))))


def test_an_old_price_is_wrong_as_live_only() -> None:
    """The same price is right once its class is stale."""
    assert "old" in problem(quote(trade("100")), seconds=10.1)
    assert "" == problem(quote(trade("100"), price_class=PriceClass.STALE), seconds=10.1)


def test_an_indicative_price_of_last_week_is_wrong() -> None:
    """Of the last trading day it is right."""
    for number, words in {3: "", 6: "but of"}.items():
        asked = trade("100", time=after(-86_400 * number))
        wrong = problem(quote(asked, price_class=PriceClass.INDICATIVE))

        assert bool(words) is bool(wrong)
        assert words in wrong


def test_a_delayed_review_is_not_wrong() -> None:
    """A busy machine delays the review; a price that was too old at the last one is wrong."""
    assert "" == problem(quote(trade("100")), seconds=30.0, reviewed=9.9)
    assert "old" in problem(quote(trade("100")), seconds=30.0, reviewed=10.1)


def test_a_price_with_a_long_latency_is_wrong() -> None:
    """Also where the feed did not measure the latency."""
    assert "on its way" in problem(quote(trade("100", time=after(-20))))
    assert "old" in problem(quote(trade("100", time=after(-86_400))))


def test_feed_latency_counts_as_age() -> None:
    """The age includes the latency that the feeds measured."""
    quoted = quote(trade("100"))
    late = structs.replace(quoted, confirmed_at=quoted.received_at - timedelta(seconds=12))

    assert "old" in problem(late)


@pytest.mark.parametrize(("truth", "is_wrong"), [("99.7", False), ("99.5", True), ("100.5", True)])
def test_a_price_where_the_market_was_not_is_wrong(truth: str, is_wrong: bool) -> None:
    """For as long as a price may be live: its record may say what it likes."""
    assert is_wrong is problem(quote(trade("100")), truth=truth).startswith("age")


def test_a_price_newer_than_what_is_known_is_asked_for() -> None:
    """The market moves between two looks at it."""
    monitor = monitor_of(truth="90")
    monitor._setup.truth = lambda: {"BTC": at(100)}

    assert None is monitor._violation(quote(trade("100")), POLICY, 0.0)
    assert Decimal(100) == monitor._history.last("BTC")


def test_a_dead_channel_is_a_violation_of_its_own() -> None:
    """The other channel of the source is in reach."""
    monitor = monitor_of(truth="90")
    monitor.begin(FAULTS["dead-trades"], {COINBASE})
    violation = monitor._violation(quote(trade("100")), POLICY, 0.0)

    assert violation
    assert ViolationKind.CHANNEL is violation.kind


def lied(
    streams: tuple[str, ...], truth: str, *erring: str, fault: DrillFault = FAULTS["far-above"]
) -> tuple[str, float]:
    """What is wrong with 100 of `coinbase` after it was shown for 3 s, and what is unknowable."""
    monitor = monitor_of(truth=truth, streams=streams)
    monitor.begin(fault, {COINBASE, *erring})
    shown = structs.replace(quote(trade("100")), source=quote(trade("1")).source)
    shown = structs.replace(shown, source=structs.replace(shown.source, name=COINBASE))
    monitor._violation(shown, POLICY, 0.0)
    violation = monitor._violation(shown, POLICY, 3.0)
    return str(violation.kind) if violation else "", monitor.unknowable


@pytest.mark.parametrize(("seconds", "is_wrong"), [(0.2, False), (0.3, True)])
def test_a_price_that_may_be_taken_back_is_not_wrong_yet(seconds: float, is_wrong: bool) -> None:
    """A source that takes trades back does so at once."""
    monitor = monitor_of(seconds=seconds)
    monitor.begin(FAULTS["bad-conditions"], {COINBASE, "binance"})

    assert is_wrong is (monitor._violation(quote(trade("90")), POLICY, 0.0) is not None)


def test_a_lie_is_wrong_where_an_honest_source_contradicts_it() -> None:
    """Beyond what live sources may be apart."""
    assert ("source", 0.0) == lied((COINBASE, "kraken"), "90")
    assert ("source", 0.0) == lied((COINBASE, "kraken", "okx"), "90")
    assert ("", 0.0) == lied((COINBASE, "kraken"), "98")


def test_a_lie_that_nothing_contradicts_is_counted_apart() -> None:
    """That of the only source, of all, and of most."""
    for streams, erring in (
        ((COINBASE,), ()),
        ((COINBASE, "kraken"), ("kraken",)),
        ((COINBASE, "kraken", "okx"), ("kraken",)),
    ):
        assert ("", 0.1) == lied(streams, "90", *erring)


def test_after_a_fault_its_lies_may_be_shown_for_the_maximum_age() -> None:
    """Then they are wrong like any other price."""
    monitor = monitor_of(truth="90", streams=(COINBASE,))
    monitor.begin(FAULTS["far-above"], {COINBASE})
    monitor.end()
    shown = quote(trade("100"))
    shown = structs.replace(shown, source=structs.replace(shown.source, name=COINBASE))
    until = monitor._erred_until
    for second in range(1, 40):
        monitor._history.note({"BTC": at(90)}, until - 20 + second)

    assert None is monitor._violation(shown, POLICY, until)
    assert "age" in str(monitor._violation(shown, POLICY, until + 1))


def test_the_close_of_an_open_market_is_wrong() -> None:
    """Coins have none."""
    shown = quote(trade("100"), price_class=PriceClass.CLOSED)

    assert "closed: " in problem(shown)


@pytest.mark.parametrize(
    ("seconds", "is_wrong"), [(-1800.5, False), (-1799.5, False), (-1798, True)]
)
def test_a_market_that_opens_at_this_moment_is_not_wrong(seconds: float, is_wrong: bool) -> None:
    """The review that opens it may be a moment early or late: here half past nine in New York."""
    shown = quote(trade("100"), price_class=PriceClass.CLOSED)

    assert is_wrong is ("open" in problem(shown, seconds=seconds, calendar=Calendar.XNYS))


@pytest.mark.parametrize(("moved", "is_wrong"), [(-30.0, False), (-60.0, True)])
def test_the_close_is_what_was_fresh_at_the_close(moved: float, is_wrong: bool) -> None:
    """Here the market left the price so long before the close, which is now."""
    policy = POLICIES[AssetClass.STOCK]
    sunday = 4 * 86_400.0
    monitor = monitor_of(sunday, calendar=Calendar.XNYS, closes_at=0.0)
    monitor._setup.truth = lambda: {"BTC": at(90)}
    for second in range(1, 5):
        monitor._history.note({"BTC": at(90)}, float(second))
    ranges = monitor._history._ranges["BTC"]
    for number, (second, _) in enumerate(ranges):
        ranges[number] = (second, at(100 if second <= moved else 90))
    shown = quote(trade("100"), price_class=PriceClass.CLOSED)
    violation = monitor._violation(shown, policy, 4.0)

    assert is_wrong is (violation is not None)
