"""Massive's own table of conditions: last price (open and close), high and low, volume."""

import pytest

from omcrm.feeds.providers.massive.conditions import CONDITIONS
from omcrm.market.trade_condition import EVERYTHING, TradeUpdates

# By what its answer to /v3/reference/conditions publishes as consolidated rules.
EVERY = (0, 1, 3, 4, 8, 9, 11, 14, 18, 19, 23, 24, 25, 27, 28, 34, 36, 41)
HIGH_LOW_AND_VOLUME = (5, 10, 22, 32, 33)
VOLUME = (2, 7, 12, 13, 20, 21, 29, 37, 52, 53)
NONE = (15, 16)
# There it sets the last price, but on the tape only under a further condition.
UNDER_A_CONDITION = (17, 30, 31)

ROWS = [
    *[(number, EVERYTHING) for number in EVERY],
    *[(number, TradeUpdates(last=False)) for number in (*HIGH_LOW_AND_VOLUME, *UNDER_A_CONDITION)],
    *[(number, TradeUpdates(last=False, high_low=False)) for number in VOLUME],
    *[(number, TradeUpdates(last=False, high_low=False, volume=False)) for number in NONE],
    (38, TradeUpdates(volume=False)),
]


@pytest.mark.parametrize(("number", "updates"), ROWS)
def test_a_number_sets_what_massive_publishes(number: int, updates: TradeUpdates) -> None:
    """Each number has the rules of its code on the tapes."""
    assert updates == CONDITIONS[str(number)]


@pytest.mark.parametrize("number", [41, 57, 60, 62, 71])
def test_a_mark_beside_a_condition_changes_nothing(number: int) -> None:
    """Exemptions and the company's status say nothing about a price."""
    assert EVERYTHING == CONDITIONS[str(number)]
