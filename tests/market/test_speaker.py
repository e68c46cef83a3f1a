from itertools import product

import pytest

from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED
from omcrm.market.speaker import choose
from tests.values import BINANCE, KRAKEN, after, statement, trade

ORDER = ("binance", "kraken", "simulated", "last_resort")
SOURCES = {each.name: each for each in (BINANCE, KRAKEN, SIMULATED, LAST_RESORT)}
LIVE, STALE = PriceClass.LIVE, PriceClass.STALE


def chosen(classes: dict[str, PriceClass], waiting: bool = False) -> str | None:
    # Each was heard a second after the one before.
    said = {
        name: statement(trade("1"), source=SOURCES[name], at=after(second))
        for second, name in enumerate(classes)
    }
    return choose(ORDER, said, classes, waiting=waiting)


@pytest.mark.parametrize(
    ("classes", "speaker"),
    [
        ({}, None),
        ({"binance": LIVE}, "binance"),
        ({"kraken": LIVE, "binance": LIVE}, "binance"),
        ({"binance": STALE, "kraken": LIVE}, "kraken"),
        ({"binance": STALE, "kraken": STALE}, "kraken"),
        ({"kraken": STALE, "binance": STALE}, "binance"),
        ({"binance": STALE, "simulated": PriceClass.SIMULATED}, "binance"),
        ({"last_resort": PriceClass.LAST_RESORT, "binance": STALE}, "binance"),
        ({"last_resort": PriceClass.LAST_RESORT}, "last_resort"),
        (
            {"last_resort": PriceClass.LAST_RESORT, "simulated": PriceClass.SIMULATED},
            "simulated",
        ),
        ({"last_resort": PriceClass.LAST_RESORT, "simulated": STALE}, "simulated"),
    ],
)
def test_best_fresh_real_source_speaks(classes: dict[str, PriceClass], speaker: str | None) -> None:
    """The order decides among fresh real sources, the latest word among stale ones."""
    assert speaker == chosen(classes)


@pytest.mark.parametrize(
    "inventions", [["simulated"], ["last_resort"], ["simulated", "last_resort"]]
)
def test_nothing_invented_speaks_while_a_real_source_is_expected(inventions: list[str]) -> None:
    """At the start a real source is waited for."""
    assert None is chosen({name: SOURCES[name].claim for name in inventions}, waiting=True)


def test_a_real_source_speaks_without_waiting() -> None:
    """Who is waited for may speak."""
    assert "kraken" == chosen({"kraken": LIVE, "simulated": PriceClass.SIMULATED}, waiting=True)


@pytest.mark.parametrize("waiting", [False, True])
def test_an_invention_never_follows_a_real_price(waiting: bool) -> None:
    """Once a real source was heard, in whatever state, no invented price replaces it."""
    for binance, simulated in product((LIVE, STALE), (PriceClass.SIMULATED, STALE)):
        classes = {
            "binance": binance,
            "simulated": simulated,
            "last_resort": PriceClass.LAST_RESORT,
        }

        assert "binance" == chosen(classes, waiting)


def test_who_is_not_in_the_order_never_speaks() -> None:
    """A source that no policy names is not shown."""
    said = {"kraken": statement(trade("1"), source=KRAKEN)}

    assert None is choose(("binance",), said, {"kraken": LIVE}, waiting=False)
