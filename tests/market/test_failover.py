from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from omcrm.market.failover import Candidate, FailoverReason, choose_source, reason_of
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from tests.values import BINANCE, KRAKEN, START, after, source_quote, trade

GECKO = Source("coingecko", PriceClass.INDICATIVE)
LATE = Source("late", PriceClass.DELAYED)
POLICY = Policy(
    ("binance", "kraken", "late", "coingecko", "simulated", "last_resort"),
    timedelta(seconds=10),
    Decimal("0.10"),
)
SOURCES = {source.name: source for source in (BINANCE, KRAKEN, LATE, GECKO, SIMULATED, LAST_RESORT)}
LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
LATER = after(20)
INDICATIVE, DELAYED = PriceClass.INDICATIVE, PriceClass.DELAYED


def chosen(
    classes: dict[str, PriceClass],
    waiting: bool = False,
    current: str | None = None,
    now: datetime = LATER,
    **fresh_since: datetime,
) -> str | None:
    """Who speaks where each was heard a second after the one before."""
    candidates = {
        name: Candidate(
            source_quote(trade("1"), source=SOURCES[name], at=after(second)),
            price_class,
            fresh_since.get(name),
        )
        for second, (name, price_class) in enumerate(classes.items())
    }
    return choose_source(POLICY, candidates, now, current=current, waiting=waiting)


@pytest.mark.parametrize(
    ("classes", "active"),
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
def test_best_fresh_real_source_speaks(classes: dict[str, PriceClass], active: str | None) -> None:
    """The order decides among fresh real sources, the latest word among stale ones."""
    assert active == chosen(classes)


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
    stranger = Candidate(source_quote(trade("1"), source=Source("stranger", LIVE)), LIVE)

    assert None is choose_source(POLICY, {"stranger": stranger}, START)


# Coming back


@pytest.mark.parametrize(("lived", "active"), [(9.9, "kraken"), (10, "binance")])
def test_a_better_source_speaks_again_when_it_has_lived(lived: float, active: str) -> None:
    """One fresh price is no recovery: it must have been fresh for as long as the policy says."""
    classes = {"binance": LIVE, "kraken": LIVE}

    assert active == chosen(classes, current="kraken", now=after(lived), binance=START)


def test_a_source_that_is_just_starting_need_not_prove_itself() -> None:
    """Who was only a little slower at the start is not kept waiting."""
    candidates = {
        "binance": Candidate(source_quote(trade("1")), LIVE, START, is_starting=True),
        "kraken": Candidate(source_quote(trade("1"), source=KRAKEN), LIVE, START),
    }

    assert "binance" == choose_source(POLICY, candidates, START, current="kraken")


def test_who_speaks_for_a_closed_market_goes_on() -> None:
    """Nothing new comes: the better source's older price would be a wrong close."""
    assert "kraken" == chosen({"binance": CLOSED, "kraken": CLOSED}, current="kraken")
    assert "kraken" == chosen({"binance": CLOSED, "kraken": CLOSED})


# What is not live


@pytest.mark.parametrize(
    ("classes", "active"),
    [
        ({"late": DELAYED, "kraken": LIVE}, "kraken"),
        ({"late": DELAYED, "kraken": STALE}, "late"),
        ({"coingecko": INDICATIVE, "late": DELAYED}, "late"),
        ({"coingecko": INDICATIVE}, "coingecko"),
    ],
)
def test_what_streams_comes_first(classes: dict[str, PriceClass], active: str) -> None:
    """Live before late, and late before what is asked now and then."""
    assert active == chosen(classes)


@pytest.mark.parametrize(("seconds", "active"), [(60, "binance"), (60.1, "coingecko")])
def test_a_stale_stream_is_kept_for_a_while(seconds: float, active: str) -> None:
    """A quiet pair does not change to an average at once, a dead one does."""
    classes = {"binance": STALE, "coingecko": INDICATIVE}

    assert active == chosen(classes, current="binance", now=after(seconds))


# Why


def test_why_it_changes() -> None:
    """The words of the event log."""
    binance = Candidate(source_quote(trade("1")), STALE)
    kraken = Candidate(source_quote(trade("1"), source=KRAKEN), LIVE)
    closed = Candidate(source_quote(trade("1"), source=KRAKEN), CLOSED)
    simulated = Candidate(source_quote(trade("1"), source=SIMULATED), PriceClass.SIMULATED)

    assert FailoverReason.FIRST == reason_of(None, kraken, is_better=False)
    assert FailoverReason.FIRST == reason_of(simulated, kraken, is_better=True)
    assert FailoverReason.STALE == reason_of(binance, kraken, is_better=False)
    assert FailoverReason.RECOVERED == reason_of(kraken, binance, is_better=True)
    assert FailoverReason.CLOSED == reason_of(binance, closed, is_better=False)
