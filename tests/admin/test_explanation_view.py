from datetime import timedelta

import pytest
from msgspec import structs

from omcrm.admin.explanation_view import ExplanationView, SourceRow
from tests.conftest import ManualClock
from tests.market.whole_market import DOWN, HEALTHY, Market
from tests.values import KRAKEN, START, book, instrument, tick, trade


@pytest.fixture
def streaming(clock: ManualClock) -> Market:
    """A market with Binance healthy."""
    market = Market(clock)
    market.set_health(HEALTHY)
    return market


def view(market: Market) -> ExplanationView:
    explanation = market.consolidator.explain("BTC")
    assert explanation is not None
    return ExplanationView.of(explanation, instrument("BTC", decimals=2))


def row(market: Market, source: str) -> SourceRow:
    return next(row for row in view(market).rows if row.source == source)


def test_what_is_shown_is_in_words(streaming: Market) -> None:
    """The price in the instrument's decimals, with class and source, and why it is shown."""
    streaming.trade("61000.5")
    shown = view(streaming)

    assert ("61,000.50", "Live", "Binance") == (shown.price, shown.class_label, shown.source)
    assert 1 == len(shown.remarks)
    assert shown.remarks[0].startswith("The first source in the order whose price is live")
    assert [("Binance", "Live")] == [(item.label, item.class_label) for item in shown.changes]


def test_a_source_has_its_figures(streaming: Market) -> None:
    """Its price and book, how old, how late, and how far from the active one."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("101", KRAKEN)
    streaming.apply(book("100.9", "101.1"), source=KRAKEN)
    streaming.clock.pass_seconds(2.5)
    kraken, binance = row(streaming, "kraken"), row(streaming, "binance")

    assert ("101.00", "100.90 / 101.10") == (kraken.price, kraken.book)
    assert ("2.5 s", "0.0 s", "1.00 %") == (kraken.age, kraken.late, kraken.divergence)
    assert ("Standby", True, False) == (kraken.verdict, kraken.is_accepted, kraken.is_active)
    assert ("Active", "–", "–") == (binance.verdict, binance.divergence, binance.hold)


def test_the_end_of_a_recovery_hold(streaming: Market) -> None:
    """The time, and how long that is from now."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("100", KRAKEN)
    streaming.set_health(DOWN)
    streaming.set_health(HEALTHY)
    streaming.trade("100")
    streaming.review()

    assert "15:00:10, in 10 s" == row(streaming, "binance").hold
    assert "Recovery hold" == row(streaming, "binance").verdict


def test_a_contradicted_price_gives_its_reasons(streaming: Market) -> None:
    """Why it is stale, and which rule decided."""
    streaming.set_health(HEALTHY, "kraken")
    for _ in range(2):
        streaming.trade("100")
        streaming.trade("120", KRAKEN)
        streaming.clock.pass_seconds(2)
        streaming.review()
    shown = view(streaming)

    assert "Stale" == shown.class_label
    assert "It is stale because another live source" in shown.remarks[0]
    assert "nothing decides between them" in shown.remarks[-1]
    assert not row(streaming, "kraken").is_accepted
    assert (
        "Other live sources contradict its price, or did a while ago."
        == row(streaming, "kraken").reason
    )


def test_a_recording_has_its_date(streaming: Market) -> None:
    """In the shown price and in the row of its source."""
    recorded_at = START - timedelta(days=365)
    played = tick(trade("100"), at=streaming.clock())
    streaming.consolidator.apply(structs.replace(played, recorded_at=recorded_at))

    assert "Replayed 2025-03-04" == view(streaming).class_label
    assert "Replayed 2025-03-04" == row(streaming, "binance").class_label


def test_without_a_price_everything_is_a_dash(streaming: Market) -> None:
    """The sources are named all the same."""
    shown = view(streaming)

    assert ("–", "No price", "none", "") == (
        shown.price,
        shown.class_label,
        shown.price_class,
        shown.source,
    )
    assert ("No source has sent a price yet.",) == shown.remarks
    assert () == shown.timelines
    assert "–" == row(streaming, "binance").age
