from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from omcrm.market.failover import Candidate, FailoverReason, choose_source, reason_of
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, HealthState, Source
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
HEALTHY = HealthState.HEALTHY
REPLAYED = PriceClass.REPLAYED
INDICATIVE, DELAYED = PriceClass.INDICATIVE, PriceClass.DELAYED


def chosen(
    classes: dict[str, PriceClass],
    waiting: bool = False,
    current: str | None = None,
    now: datetime = LATER,
    **fresh_since: datetime,
) -> str | None:
    """The active source where each source's price arrived a second after the one before it."""
    candidates = {
        name: Candidate(
            source_quote(trade("1"), source=SOURCES[name], at=after(second)),
            price_class,
            fresh_since.get(name),
            recovery_hold=POLICY.recovery_hold,
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
        ({"binance": REPLAYED, "kraken": REPLAYED}, "binance"),
        ({"binance": REPLAYED, "kraken": LIVE}, "kraken"),
        ({"binance": REPLAYED, "coingecko": INDICATIVE}, "coingecko"),
        ({"binance": REPLAYED, "simulated": PriceClass.SIMULATED}, "binance"),
        (
            {"last_resort": PriceClass.LAST_RESORT, "simulated": PriceClass.SIMULATED},
            "simulated",
        ),
        ({"last_resort": PriceClass.LAST_RESORT, "simulated": STALE}, "simulated"),
    ],
)
def test_the_best_fresh_real_source_is_active(
    classes: dict[str, PriceClass], active: str | None
) -> None:
    """The policy's order decides among fresh real sources, the latest tick among stale ones."""
    assert active == chosen(classes)


@pytest.mark.parametrize("invented", [["simulated"], ["last_resort"], ["simulated", "last_resort"]])
def test_no_invented_source_is_active_during_the_startup_grace(invented: list[str]) -> None:
    """While a real source is expected, no simulated or last-resort source becomes active."""
    assert None is chosen({name: SOURCES[name].claim for name in invented}, waiting=True)


def test_a_real_source_is_active_during_the_startup_grace() -> None:
    """The startup grace does not hold back a real source."""
    assert "kraken" == chosen({"kraken": LIVE, "simulated": PriceClass.SIMULATED}, waiting=True)


@pytest.mark.parametrize("waiting", [False, True])
def test_an_invented_source_never_replaces_a_real_one(waiting: bool) -> None:
    """Once a real source has had a price, live or stale, no invented source becomes active."""
    for binance, simulated in product((LIVE, STALE), (PriceClass.SIMULATED, STALE)):
        classes = {
            "binance": binance,
            "simulated": simulated,
            "last_resort": PriceClass.LAST_RESORT,
        }

        assert "binance" == chosen(classes, waiting)


def test_a_source_outside_the_policy_is_never_active() -> None:
    """A source that the policy does not list is not chosen."""
    unlisted = Candidate(source_quote(trade("1"), source=Source("unlisted", LIVE)), LIVE)

    assert None is choose_source(POLICY, {"unlisted": unlisted}, START)


# Recovery hold


@pytest.mark.parametrize(("fresh_seconds", "active"), [(9.9, "kraken"), (10, "binance")])
def test_a_better_source_is_active_again_after_its_recovery_hold(
    fresh_seconds: float, active: str
) -> None:
    """A returning source becomes active once it has been fresh for the recovery hold."""
    classes = {"binance": LIVE, "kraken": LIVE}

    assert active == chosen(classes, current="kraken", now=after(fresh_seconds), binance=START)


def test_a_starting_source_has_no_recovery_hold() -> None:
    """A better source that is still starting becomes active at once."""
    candidates = {
        "binance": Candidate(source_quote(trade("1")), LIVE, START, is_starting=True),
        "kraken": Candidate(source_quote(trade("1"), source=KRAKEN), LIVE, START),
    }

    assert "binance" == choose_source(POLICY, candidates, START, current="kraken")


def test_the_active_source_of_a_closed_market_stays() -> None:
    """In a closed market the active source stays; without one the newest price decides."""
    assert "kraken" == chosen({"binance": CLOSED, "kraken": CLOSED}, current="kraken")
    assert "kraken" == chosen({"binance": CLOSED, "kraken": CLOSED})


# Sources that are not live


@pytest.mark.parametrize(
    ("classes", "active"),
    [
        ({"late": DELAYED, "kraken": LIVE}, "kraken"),
        ({"late": DELAYED, "kraken": STALE}, "late"),
        ({"coingecko": INDICATIVE, "late": DELAYED}, "late"),
        ({"coingecko": INDICATIVE}, "coingecko"),
    ],
)
def test_live_sources_come_before_delayed_and_polled_ones(
    classes: dict[str, PriceClass], active: str
) -> None:
    """Live sources come before delayed ones, and delayed ones before indicative ones."""
    assert active == chosen(classes)


@pytest.mark.parametrize(("seconds", "active"), [(60, "binance"), (60.1, "coingecko")])
def test_a_stale_stream_is_kept_for_the_stale_hold(seconds: float, active: str) -> None:
    """A stale stream stays active before a polled source until the stale hold is over."""
    classes = {"binance": STALE, "coingecko": INDICATIVE}

    assert active == chosen(classes, current="binance", now=after(seconds))


# Reasons


def test_each_failover_has_its_reason() -> None:
    """A better source has recovered where the one before is fresh; else that one has failed."""
    binance = Candidate(source_quote(trade("1")), STALE)
    kraken = Candidate(source_quote(trade("1"), source=KRAKEN), LIVE)
    okx = Candidate(source_quote(trade("1")), LIVE)
    closed = Candidate(source_quote(trade("1"), source=KRAKEN), CLOSED)
    contradicted = Candidate(source_quote(trade("1")), STALE, is_contradicted=True)
    simulated = Candidate(source_quote(trade("1"), source=SIMULATED), PriceClass.SIMULATED)

    assert FailoverReason.FIRST == reason_of(None, kraken, HEALTHY, is_better=False)
    assert FailoverReason.FIRST == reason_of(simulated, kraken, HEALTHY, is_better=True)
    assert FailoverReason.STALE == reason_of(binance, kraken, HEALTHY, is_better=False)
    assert FailoverReason.STALE == reason_of(kraken, binance, HEALTHY, is_better=True)
    assert FailoverReason.RECOVERED == reason_of(okx, kraken, HEALTHY, is_better=True)
    assert FailoverReason.STALE == reason_of(binance, kraken, HEALTHY, is_better=True)
    assert FailoverReason.DOWN == reason_of(binance, kraken, HealthState.DOWN, is_better=True)
    assert FailoverReason.CONTRADICTED == reason_of(contradicted, kraken, HEALTHY, is_better=False)
    assert FailoverReason.CLOSED == reason_of(binance, closed, HEALTHY, is_better=False)
    assert FailoverReason.CLOSED == reason_of(binance, closed, HEALTHY, is_better=True)
