"""The tables of the consolidated tapes, row by row: last price, high and low, volume."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.market.trade_condition import (
    CTA,
    EITHER_TAPE,
    EVERYTHING,
    UTP,
    VOLUME_ONLY,
    ConditionTable,
    TradeUpdates,
    updates_of,
)

# Code, update last, update high/low, update volume; a number is a note: only under a condition.
PUBLISHED_CTA = """
@ Y Y Y
B N N Y
C N N Y
E Y Y Y
F Y Y Y
H N N Y
I N N Y
K Y Y Y
L 3 Y Y
M N N N
N N N Y
O 1 Y Y
P 2 Y Y
Q N N N
R N N Y
T N N Y
U N N Y
V N N Y
X Y Y Y
Z 2 Y Y
4 2 Y Y
5 Y Y Y
6 Y Y Y
7 N N Y
9 Y Y N
"""
PUBLISHED_UTP = """
@ Y Y Y
A Y Y Y
B Y Y Y
C N N Y
D Y Y Y
F Y Y Y
G 1 Y Y
H N N Y
I N N Y
K Y Y Y
L 2 Y Y
M N N N
N N N Y
O Y Y Y
P 1 Y Y
Q N N N
R N N Y
S Y Y Y
T N N Y
U N N Y
V N N Y
W N N Y
X Y Y Y
Y Y Y Y
Z 1 Y Y
1 Y Y Y
4 1 Y Y
5 Y Y Y
6 Y Y Y
7 N N Y
9 Y Y N
"""


def rows(published: str) -> list[tuple[str, TradeUpdates]]:
    """Each code with what it lets a trade set; a note counts as no."""
    lines = (line.split() for line in published.strip().splitlines())
    return [(code, TradeUpdates(*(flag == "Y" for flag in flags))) for code, *flags in lines]


ROWS = [
    *[(CTA, code, updates) for code, updates in rows(PUBLISHED_CTA)],
    *[(UTP, code, updates) for code, updates in rows(PUBLISHED_UTP)],
]
TABLES = st.sampled_from([CTA, UTP, EITHER_TAPE])
CODES = st.lists(st.sampled_from([*sorted({*CTA, *UTP}), "?", "e"]), max_size=4)


@pytest.mark.parametrize(("table", "code", "updates"), ROWS)
def test_a_condition_sets_what_its_tape_publishes(
    table: ConditionTable, code: str, updates: TradeUpdates
) -> None:
    """Alone, or beside a regular sale, it is as published; under a further condition it is no."""
    assert updates == updates_of([code], table)
    assert updates == updates_of(["@", code], table)
    assert updates == updates_of([" ", code], table)


@pytest.mark.parametrize(("table", "published"), [(CTA, PUBLISHED_CTA), (UTP, PUBLISHED_UTP)])
def test_a_table_has_the_published_codes_and_no_others(
    table: ConditionTable, published: str
) -> None:
    """A blank is a regular sale as well."""
    assert {" ", *dict(rows(published))} == set(table)


def test_a_trade_without_conditions_sets_everything() -> None:
    """It is a regular sale on any tape."""
    assert EVERYTHING is updates_of([], CTA)


def test_an_unknown_condition_counts_in_the_volume_alone() -> None:
    """A new code may mean anything, and a missing price is better than a wrong one."""
    assert VOLUME_ONLY == updates_of(["@", "?"], UTP)


@pytest.mark.parametrize(
    ("code", "updates"),
    [("B", VOLUME_ONLY), ("W", VOLUME_ONLY), ("A", EVERYTHING), ("O", TradeUpdates(last=False))],
)
def test_without_a_tape_the_stricter_meaning_counts(code: str, updates: TradeUpdates) -> None:
    """B is an average price on one tape and a bunched trade on the other."""
    assert updates == updates_of([code], EITHER_TAPE)


@given(CODES, TABLES)
def test_a_trade_sets_what_all_its_conditions_allow(
    codes: list[str], table: ConditionTable
) -> None:
    """Each of the three is set if every condition sets it, in whatever order they stand."""
    each = [table.get(code, VOLUME_ONLY) for code in codes]
    expected = TradeUpdates(
        all(updates.last for updates in each),
        all(updates.high_low for updates in each),
        all(updates.volume for updates in each),
    )

    assert expected == updates_of(codes, table) == updates_of(codes[::-1], table)


@given(CODES, TABLES)
def test_a_further_condition_never_adds(codes: list[str], table: ConditionTable) -> None:
    """What one condition takes away no other gives back."""
    growing = [updates_of(codes[:count], table) for count in range(len(codes) + 1)]

    for before, after in pairwise(growing):
        assert before.last >= after.last
        assert before.high_low >= after.high_low
        assert before.volume >= after.volume
