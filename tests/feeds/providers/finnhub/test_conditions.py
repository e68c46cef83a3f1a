"""Finnhub's list of conditions, by its own names."""

import pytest

from omcrm.feeds.providers.finnhub.conditions import CONDITIONS
from omcrm.market.trade_condition import (
    EVERYTHING,
    NOT_LAST,
    NOTHING,
    PRICE_ONLY,
    VOLUME_ONLY,
    TradeUpdates,
)

ROWS = [
    ("1", "regular", EVERYTHING),
    ("2", "acquisition", EVERYTHING),
    ("3", "average price", VOLUME_ONLY),
    ("4", "bunched", EVERYTHING),
    ("5", "cash sale", VOLUME_ONLY),
    ("6", "distribution", EVERYTHING),
    ("7", "automatic execution", EVERYTHING),
    ("8", "intermarket sweep", EVERYTHING),
    ("9", "bunched sold", NOT_LAST),
    ("10", "price variation", VOLUME_ONLY),
    ("12", "odd lot", VOLUME_ONLY),
    ("13", "rule 127", EVERYTHING),
    ("14", "rule 155", EVERYTHING),
    ("15", "sold last", NOT_LAST),
    ("16", "official close", NOTHING),
    ("17", "next day", VOLUME_ONLY),
    ("18", "opening trade", NOT_LAST),
    ("19", "opening prints", EVERYTHING),
    ("20", "official open", NOTHING),
    ("21", "prior reference price", NOT_LAST),
    ("22", "seller", VOLUME_ONLY),
    ("23", "split", EVERYTHING),
    ("24", "form T", VOLUME_ONLY),
    ("25", "extended hours, out of sequence", VOLUME_ONLY),
    ("26", "contingent", VOLUME_ONLY),
    ("27", "stock and option", VOLUME_ONLY),
    ("28", "cross", EVERYTHING),
    ("29", "yellow flag", EVERYTHING),
    ("30", "sold out of sequence", NOT_LAST),
    ("31", "stopped stock", EVERYTHING),
    ("32", "derivatively priced", NOT_LAST),
    ("33", "reopening trade", EVERYTHING),
    ("34", "reopening prints", EVERYTHING),
    ("35", "closing trade", EVERYTHING),
    ("36", "closing prints", EVERYTHING),
    ("37", "qualified contingent", VOLUME_ONLY),
    ("39", "corrected consolidated close", PRICE_ONLY),
    ("41", "trade-through exempt", EVERYTHING),
]


@pytest.mark.parametrize(("number", "name", "updates"), ROWS)
def test_a_number_sets_what_its_name_sets_on_the_tapes(
    number: str, name: str, updates: TradeUpdates
) -> None:
    """Each number has the rules of the condition of its name."""
    assert updates == CONDITIONS[number], name


def test_numbers_without_a_condition_on_a_tape_are_unknown() -> None:
    """Their trades count in the volume alone, and are counted in the feed's status."""
    assert {number for number, *_ in ROWS} == set(CONDITIONS)
