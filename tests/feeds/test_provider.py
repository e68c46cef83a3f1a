"""The shared parsing functions accept what upstreams send, and reject everything similar."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.provider import BAD_FRAME, Unreadable, decode, unreadable
from omcrm.market.parsing import (
    from_iso,
    from_microseconds,
    from_milliseconds,
    from_seconds,
    integer,
    mapping,
    sequence,
    text,
)
from tests.feeds.bad_frames import WRONG, monsters, mutated

MOMENT = datetime(2026, 1, 5, 14, 30, 0, 253_563, tzinfo=UTC)


def test_fractions_are_exact() -> None:
    """A JSON number is an exact decimal, also with an exponent; whole numbers stay integers."""
    assert {"a": Decimal("0.1"), "b": Decimal("1.2e-05"), "c": 7} == decode(
        b'{"a":0.1,"b":1.2e-05,"c":7}'
    )
    assert Decimal("91234.567890123456789") == decode("91234.567890123456789")


@pytest.mark.parametrize(
    ("check", "good"), [(mapping, {"a": 1}), (sequence, [1]), (text, "a"), (integer, 2**70)]
)
def test_a_type_is_what_it_must_be(check: Callable[[Any], Any], good: Any) -> None:
    """The value itself is returned; the error for another type does not hold the value."""
    others: tuple[Any, ...] = ({}, [], "", 1, 1.5, Decimal(1), None, True, False, b"", ())
    wrong = [other for other in others if type(other) is not type(good)]

    assert good is check(good)
    for value in wrong:
        with pytest.raises(TypeError, match=f"got {type(value).__name__}"):
            check(value)


@pytest.mark.parametrize(
    ("read", "value", "moment"),
    [
        (from_seconds, 1767623400, MOMENT.replace(microsecond=0)),
        (from_milliseconds, 1767623400253, MOMENT.replace(microsecond=253_000)),
        (from_microseconds, 1767623400253563, MOMENT),
        (from_seconds, 0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_numbers_are_moments(read: Callable[[Any], datetime], value: int, moment: datetime) -> None:
    """Seconds, milliseconds and microseconds since 1970, without rounding."""
    assert moment == read(value)
    assert UTC is read(value).tzinfo


@pytest.mark.parametrize("read", [from_seconds, from_milliseconds, from_microseconds])
@pytest.mark.parametrize("value", [*WRONG, Decimal("1.5"), 10**400])
def test_what_is_no_number_of_seconds(read: Callable[[Any], datetime], value: Any) -> None:
    """Text, fractions and too large numbers raise one of BAD_FRAME."""
    if type(value) is int and abs(value) < 2**40:
        assert isinstance(read(value), datetime)
        return
    try:
        parsed = read(value)
    except BAD_FRAME:
        return

    assert type(value) is int
    assert UTC is parsed.tzinfo


@pytest.mark.parametrize(
    ("label", "moment"),
    [
        ("2026-01-05T14:30:00.253563Z", MOMENT),
        ("2026-01-05T14:30:00.253563999Z", MOMENT),
        ("2026-01-05T14:30:00.253Z", MOMENT.replace(microsecond=253_000)),
        ("2026-01-05T14:30:00.2Z", MOMENT.replace(microsecond=200_000)),
        ("2026-01-05T14:30:00Z", MOMENT.replace(microsecond=0)),
        ("2026-01-05T16:30:00.253563+02:00", MOMENT),
        ("2026-01-05T09:30:00.253563123-05:00", MOMENT),
        ("2026-01-05T09:30:00-05:00", MOMENT.replace(microsecond=0)),
        ("2026-01-05 14:30:00.253563+00:00", MOMENT),
    ],
)
def test_texts_are_moments(label: str, moment: datetime) -> None:
    """With any number of digits of a second, and in any zone, without rounding up."""
    assert moment == from_iso(label)
    assert UTC is from_iso(label).tzinfo


@pytest.mark.parametrize(
    "label",
    [
        "",
        ".",
        "Z",
        "now",
        "2026-01-05",
        "2026-01-05T14:30:00",
        "2026-01-05T14:30:00.253",
        "2026-13-05T14:30:00Z",
        "2026-02-30T14:30:00Z",
        "2026-01-05T24:30:00Z",
        "2026-01-05T14:30:00.2x5Z",
        "2026-01-05T14:30:00.²Z",
        "2026-01-05T14:30:00.Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9" * 10_000,
        "2026-01-05T14:30:00." + "9" * 100_000,
        1767623400,
        None,
        ["2026-01-05T14:30:00Z"],
    ],
)
def test_what_is_no_time(label: Any) -> None:
    """A time without a zone or outside of the calendar raises one of BAD_FRAME."""
    with pytest.raises(BAD_FRAME):
        from_iso(label)


def test_a_long_fraction_is_cut() -> None:
    """Any number of digits beyond microseconds is ignored."""
    assert MOMENT == from_iso(f"2026-01-05T14:30:00.253563{'9' * 100_000}Z")


def test_problems_are_short() -> None:
    """The text of an error has its type first and a bounded length."""
    assert Unreadable("ValueError: not finite") == unreadable(ValueError("not finite"))
    assert 200 == len(unreadable(ValueError("x" * 10_000)).problem)


def test_no_bytes_raise_anything_else() -> None:
    """Decoding any frame returns a value or raises one of the expected errors."""
    sample = ('{"a":[1,2.5,"x"],"b":{"c":null,"d":true}}',)
    problems: list[str] = []
    for frame in [*mutated(sample, 5000, random.Random(1)), *monsters(sample)]:
        try:
            decode(frame)
        except BAD_FRAME as error:
            problems.append(unreadable(error).problem)

    assert len(problems) > 100
    assert all(0 < len(problem) <= 200 for problem in problems)
