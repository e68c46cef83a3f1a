"""No random world of hours shows a price as what it is not: live, closed, delayed or indicative."""

import math
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market import policy, source_quote
from omcrm.market.consolidator import Consolidator
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.symbol_record import SymbolRecord
from omcrm.market.tick import Trade
from tests.market.simulation.defect import Patch, first_violation, with_defect
from tests.market.simulation.hours import random_hours
from tests.market.simulation.play import play

# Worlds that a consolidator with a defect plays wrong.
SEEDS = (0, 7, 9, 10, 17, 23, 92, 192, 743, 5_001_532, 5_006_333)
WORLDS = 300


@pytest.mark.parametrize("seed", SEEDS)
def test_worlds_of_hours_that_show_defects_are_played_right(seed: int) -> None:
    """None of them has a violation."""
    assert [] == play(random_hours(random.Random(seed))).violations


@settings(max_examples=WORLDS, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_no_price_is_shown_as_what_it_is_not(rng: random.Random) -> None:
    """Shares, currencies and coins at the edges of their hours, with sources that stream, are
    delayed or are asked."""
    assert [] == play(random_hours(rng)).violations


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_no_price_of_many_worlds_is_shown_as_what_it_is_not(part: int) -> None:
    """Five thousand worlds, the same ones each time."""
    seeds = range(5_000_000 + 500 * part, 5_000_000 + 500 * (part + 1))

    assert [] == [seed for seed in seeds if play(random_hours(random.Random(seed))).violations]


def test_healthy_sources_are_live_until_the_close_and_closed_after_it() -> None:
    """Without faults two streams have a price that is one of both at more than 99.9 % of all
    checks, where the market is open in the beginning."""
    shown: Counter[PriceClass] = Counter()
    checks = 0
    for seed in range(150):
        world = random_hours(random.Random(seed))
        streams = [item for item in world.sources if item.source.claim is PriceClass.LIVE]
        if len(streams) < 2 or not world.is_open(0):
            continue
        healthy = (structs.replace(stream, faults=(), clock=0.0, books=5.0) for stream in streams)
        world = structs.replace(world, sources=tuple(healthy), gap_at=math.inf)
        played = play(world)
        shown.update(played.shown)
        checks += played.checks - 8

    assert shown[PriceClass.LIVE] + shown[PriceClass.CLOSED] >= 0.999 * checks
    assert shown[PriceClass.CLOSED] > 0.1 * checks


# Deliberate defects


def _hours_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "is_open", lambda *arguments: True)


def _markets_open_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "LOOK_AHEAD", timedelta())


def _any_price_is_that_of_the_close(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "_was_fresh_at", lambda *arguments: True)


def _the_close_forgets_contradictions(patch: pytest.MonkeyPatch) -> None:
    is_contradicted = SymbolRecord.is_contradicted
    patch.setattr(
        SymbolRecord,
        "is_contradicted",
        lambda record, source, price_class: (
            price_class is PriceClass.LIVE and is_contradicted(record, source, price_class)
        ),
    )


def _asked_prices_never_age(patch: pytest.MonkeyPatch) -> None:
    is_within = policy._is_within

    def is_dated(most: timedelta, calendar: Any, start: datetime, end: datetime) -> bool:
        return most < timedelta(hours=13) or is_within(most, calendar, start, end)

    patch.setattr(policy, "_is_within", is_dated)


def _times_of_answers_are_ignored(patch: pytest.MonkeyPatch) -> None:
    is_current = Policy._is_current

    def is_current_at_any_time(
        demands: Policy, held: SourceQuote, *arguments: Any, **named: Any
    ) -> bool:
        assert held.trade is not None
        undated = structs.replace(held, trade=structs.replace(held.trade, time=None))
        return is_current(demands, undated, *arguments, **named)

    patch.setattr(Policy, "_is_current", is_current_at_any_time)


def _answers_take_earlier_times(patch: pytest.MonkeyPatch) -> None:
    later = source_quote._later

    def never_back(trade: Trade | None, held: Trade | None) -> Trade | None:
        newest = later(trade, held)
        if newest is None or held is None or newest.time is None or held.time is None:
            return newest
        return structs.replace(newest, time=max(newest.time, held.time))

    patch.setattr(source_quote, "_later", never_back)


def _refused_calls_change_nothing(patch: pytest.MonkeyPatch) -> None:
    is_streaming = Consolidator._is_streaming
    patch.setattr(
        Consolidator,
        "_is_streaming",
        lambda engine, held: (
            held.source.claim is PriceClass.INDICATIVE or is_streaming(engine, held)
        ),
    )


def _delayed_prices_are_live(patch: pytest.MonkeyPatch) -> None:
    classify = Policy.classify

    def hastily(demands: Policy, *arguments: Any, **named: Any) -> PriceClass:
        price_class = classify(demands, *arguments, **named)
        return PriceClass.LIVE if price_class is PriceClass.DELAYED else price_class

    patch.setattr(Policy, "classify", hastily)


def _old_streams_hide_answers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("omcrm.market.failover._may_wait", lambda *arguments: True)


DEFECTS: tuple[Patch, ...] = (
    _hours_are_ignored,
    _markets_open_early,
    _any_price_is_that_of_the_close,
    _the_close_forgets_contradictions,
    _asked_prices_never_age,
    _times_of_answers_are_ignored,
    _answers_take_earlier_times,
    _refused_calls_change_nothing,
    _delayed_prices_are_live,
    _old_streams_hide_answers,
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__.strip("_"))
def test_a_defect_of_hours_is_found(defect: Patch) -> None:
    """The simulation would notice if a rule of hours, or of sources that are asked, were lost."""
    with with_defect(defect):
        assert None is not first_violation(random_hours)
