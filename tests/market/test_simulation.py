"""No random world shows a price as live against evidence, and every known defect is found."""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market import consolidator
from omcrm.market.comparison import Comparison
from omcrm.market.policy import Policy
from omcrm.market.refutation import Refutations
from omcrm.market.source_health import SourceHealth
from omcrm.market.source_quote import SourceQuote
from omcrm.market.symbol_record import SymbolRecord
from tests.market.simulation.defect import Patch, first_violation, with_defect
from tests.market.simulation.play import play
from tests.market.simulation.world import World, random_world

# Worlds that a consolidator with a defect plays wrong.
SEEDS = (9, 10, 12, 13, 29, 30, 2_002_210, 2_005_072, 2_006_340, 9_003_879)
# Each takes a twentieth of a second.
WORLDS = 500


@pytest.mark.parametrize("seed", SEEDS)
def test_worlds_that_show_defects_are_played_right(seed: int) -> None:
    """None of them has a violation."""
    assert [] == play(random_world(random.Random(seed))).violations


@settings(max_examples=WORLDS, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_no_world_shows_a_price_as_live_against_evidence(rng: random.Random) -> None:
    """Whatever up to four sources do wrong at once, within what can be known."""
    assert [] == play(random_world(rng)).violations


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_no_world_of_many_shows_a_price_as_live_against_evidence(part: int) -> None:
    """Five thousand worlds, the same ones each time."""
    seeds = range(1_000_000 + 500 * part, 1_000_000 + 500 * (part + 1))

    assert [] == [seed for seed in seeds if play(random_world(random.Random(seed))).violations]


def test_healthy_sources_are_live_all_the_time() -> None:
    """Without faults a price is live at more than 99.9 % of all checks, after the first two
    seconds; but where a lone source jumps, which nothing confirms."""
    worlds = [random_world(random.Random(seed)) for seed in range(80)]
    played = [play(_without_faults(world)) for world in worlds if not _jumps_alone(world)]
    checks = sum(world.checks - 8 for world in played)

    assert len(played) > 60
    assert sum(world.live for world in played) >= 0.999 * checks
    assert 0 == sum(world.reconnects for world in played)


def _jumps_alone(world: World) -> bool:
    steps = pairwise(world.truth)
    return len(world.sources) == 1 and any(abs(after / before - 1) > 0.1 for before, after in steps)


def _without_faults(world: World) -> World:
    sources = tuple(
        structs.replace(source, faults=(), trades=5.0, clock=0.0) for source in world.sources
    )
    return structs.replace(world, sources=sources)


# Deliberate defects


def _no_maximum_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SourceQuote, "age", lambda held, now: timedelta())


def _connections_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SourceHealth, "is_alive", lambda health, source, connection, symbol: True)
    patch.setattr(Policy, "max_age", timedelta(minutes=2))


def _lateness_is_ignored(patch: pytest.MonkeyPatch) -> None:
    merge = SourceQuote.merge.__func__

    def merge_on_time(cls: type[SourceQuote], tick: Any, held: Any) -> SourceQuote:
        return merge(cls, structs.replace(tick, late=timedelta()), held)

    patch.setattr(SourceQuote, "merge", classmethod(merge_on_time))


def _contradictions_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Comparison, "dispute", lambda *arguments: None)


def _the_first_source_is_right(patch: pytest.MonkeyPatch) -> None:
    dispute = Comparison.dispute

    def first(comparison: Comparison, live: Any, bound: Any, frozen: Any) -> Any:
        decided = dispute(comparison, live, bound, frozen)
        return decided and structs.replace(
            decided, contradicted=decided.contradicted - {next(iter(live))}
        )

    patch.setattr(Comparison, "dispute", first)


def _the_minority_is_right(patch: pytest.MonkeyPatch) -> None:
    dispute = Comparison.dispute

    def minority(comparison: Comparison, live: Any, bound: Any, frozen: Any) -> Any:
        decided = dispute(comparison, live, bound, frozen)
        return decided and structs.replace(
            decided, contradicted=frozenset(live) - decided.contradicted
        )

    patch.setattr(Comparison, "dispute", minority)


def _contradictions_end_with_a_connection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Refutations, "lasting", lambda refutations, present, *arguments: present)


def _the_bound_is_wide(patch: pytest.MonkeyPatch) -> None:
    dispute = Comparison.dispute
    patch.setattr(
        Comparison,
        "dispute",
        lambda comparison, live, bound, frozen: dispute(comparison, live, Decimal("0.25"), frozen),
    )


def _any_book_confirms(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("omcrm.market.source_quote._is_within", lambda trade, book: trade is not None)
    patch.setattr(SymbolRecord, "is_beside_itself", lambda *arguments: False)


def _own_books_do_not_contradict(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SymbolRecord, "is_beside_itself", lambda *arguments: False)


def _nothing_is_reviewed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consolidator.Consolidator, "review", lambda *arguments: [])


DEFECTS: tuple[Patch, ...] = (
    _no_maximum_age,
    _connections_never_end,
    _lateness_is_ignored,
    _contradictions_are_ignored,
    _the_first_source_is_right,
    _the_minority_is_right,
    _contradictions_end_with_a_connection,
    _the_bound_is_wide,
    _any_book_confirms,
    _own_books_do_not_contradict,
    _nothing_is_reviewed,
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__.strip("_"))
def test_a_defect_is_found(defect: Patch) -> None:
    """The simulation would notice if a rule were lost."""
    with with_defect(defect):
        assert None is not first_violation(random_world)
