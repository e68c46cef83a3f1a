from datetime import timedelta

import pytest

from omcrm.admin.source_timeline import HOUR, in_words, segments, source_label, timelines
from omcrm.market.explanation import Explanation, SourceState, SourceVerdict
from omcrm.market.price_class import PriceClass
from omcrm.market.symbol_record import ActiveSource
from tests.values import START, after

NOW = START + HOUR
LIVE, STALE = PriceClass.LIVE, PriceClass.STALE


def explained(*history: ActiveSource) -> Explanation:
    """The explanation at the end of the hour that begins at START."""
    sources = tuple(
        SourceState(source=name, verdict=SourceVerdict.NO_PRICE, is_accepted=False)
        for name in ("binance", "kraken")
    )
    return Explanation(
        symbol="BTC", at=NOW, quote=None, rule=None, sources=sources, history=history
    )


def test_the_hour_is_divided_where_the_source_or_the_class_changes() -> None:
    """What began before the hour counts from its beginning, the last one until now."""
    history = (
        ActiveSource(START - timedelta(hours=5), "kraken", LIVE),
        ActiveSource(after(600), "kraken", STALE),
        ActiveSource(after(660), "binance", LIVE),
    )
    divided = segments(explained(*history))

    assert [(0, 600), (600, 60), (660, 2940)] == [(item.start, item.length) for item in divided]
    assert NOW == divided[-1].ended


def test_before_the_first_price_there_is_nothing() -> None:
    """The strip is empty there, not filled with a guess."""
    (only,) = segments(explained(ActiveSource(after(3000), "binance", LIVE)))

    assert (3000, 600) == (only.start, only.length)
    assert [] == segments(explained())


def test_each_source_has_a_timeline_in_the_order_of_the_policy() -> None:
    """With the time of each class in words; one that was not shown has none."""
    history = (
        ActiveSource(after(0), "kraken", LIVE),
        ActiveSource(after(600), "kraken", STALE),
        ActiveSource(after(660), "binance", LIVE),
        ActiveSource(after(3540), "kraken", LIVE),
    )
    first, second = timelines(explained(*history))

    assert ("Binance", "live 48 min") == (first.label, first.summary)
    assert ("Kraken", "live 11 min, stale 1 min") == (second.label, second.summary)
    assert 3 == len(second.segments)
    assert ["Kraken"] == [timeline.label for timeline in timelines(explained(*history[:2]))]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-0.4, "0.0 s"),
        (0.31, "0.3 s"),
        (9.96, "10.0 s"),
        (59.6, "1 min"),
        (3_543, "59 min 3 s"),
        (11_100, "3 h 5 min"),
        (86_401, "1 d"),
        (612_000, "7 d 2 h"),
    ],
)
def test_a_length_of_time_in_its_largest_units(seconds: float, expected: str) -> None:
    """Tenths where it is short, one or two units where it is long."""
    assert expected == in_words(seconds)


def test_a_source_has_its_label() -> None:
    """One that is no longer known keeps its name."""
    assert ("Coinbase", "old") == (source_label("coinbase"), source_label("old"))
