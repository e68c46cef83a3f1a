"""What parsers share takes what upstreams send, and nothing that looks like it."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.parsing import (
    BAD_FRAME,
    decode,
    from_iso,
    from_microseconds,
    from_milliseconds,
    from_seconds,
    integer,
    mapping,
    sequence,
    text,
    unreadable,
)
from omcrm.feeds.provider import Unreadable
from tests.feeds.bad_frames import WRONG, monsters, mutated

MOMENT = datetime(2026, 1, 5, 14, 30, 0, 253_563, tzinfo=UTC)


def test_fractions_are_exact() -> None:
    """A JSON number is the decimal it spells, also with an exponent; whole ones stay whole."""
    assert {"a": Decimal("0.1"), "b": Decimal("1.2e-05"), "c": 7} == decode(
        b'{"a":0.1,"b":1.2e-05,"c":7}'
    )
    assert Decimal("91234.567890123456789") == decode("91234.567890123456789")


@pytest.mark.parametrize(
    ("check", "good"), [(mapping, {"a": 1}), (sequence, [1]), (text, "a"), (integer, 2**70)]
)
def test_a_type_is_what_it_must_be(check: Callable[[Any], Any], good: Any) -> None:
    """The value itself comes back; every other type is refused in words without the value."""
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
    """Seconds, milliseconds and microseconds since 1970, with nothing rounded."""
    assert moment == read(value)
    assert UTC is read(value).tzinfo


@pytest.mark.parametrize("read", [from_seconds, from_milliseconds, from_microseconds])
@pytest.mark.parametrize("value", [*WRONG, Decimal("1.5"), 10**400])
def test_what_is_no_number_of_seconds(read: Callable[[Any], datetime], value: Any) -> None:
    """Text, fractions and ages of the universe are refused in a way that parsers expect."""
    if type(value) is int and abs(value) < 2**40:
        assert isinstance(read(value), datetime)
        return
    try:
        found = read(value)
    except BAD_FRAME:
        return

    assert type(value) is int
    assert UTC is found.tzinfo


@pytest.mark.parametrize(
    ("told", "moment"),
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
def test_texts_are_moments(told: str, moment: datetime) -> None:
    """With any number of digits of a second, and in any zone; nothing is rounded up."""
    assert moment == from_iso(told)
    assert UTC is from_iso(told).tzinfo


@pytest.mark.parametrize(
    "told",
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
def test_what_is_no_time(told: Any) -> None:
    """A time without a zone or outside of the calendar is refused in a way that parsers expect."""
    with pytest.raises(BAD_FRAME):
        from_iso(told)


def test_a_long_fraction_is_cut() -> None:
    """Digits beyond those that a moment has are passed over, however many."""
    assert MOMENT == from_iso(f"2026-01-05T14:30:00.253563{'9' * 100_000}Z")


def test_problems_are_short() -> None:
    """The words of an error are there for people: its kind first, and never long."""
    assert Unreadable("ValueError: not finite") == unreadable(ValueError("not finite"))
    assert 200 == len(unreadable(ValueError("x" * 10_000)).problem)


def test_no_bytes_raise_anything_else() -> None:
    """Whatever a frame is, decoding it ends in a value or in one of the expected errors."""
    sample = ('{"a":[1,2.5,"x"],"b":{"c":null,"d":true}}',)
    problems: list[str] = []
    for frame in [*mutated(sample, 5000, random.Random(1)), *monsters(sample)]:
        try:
            decode(frame)
        except BAD_FRAME as error:
            problems.append(unreadable(error).problem)

    assert len(problems) > 100
    assert all(0 < len(problem) <= 200 for problem in problems)
