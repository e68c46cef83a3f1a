import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.wire import encoding


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("67234.56", "67234.56"),
        ("0.1", "0.1"),
        ("2680", "2680"),
        ("0", "0"),
        ("-2.34", "-2.34"),
        ("98765432.1234567891", "98765432.1234567891"),
        ("65700.10", "65700.10"),
    ],
)
def test_prices_are_written_digit_for_digit(number: str, text: str) -> None:
    """A decimal is written as an exact number, not as a float or a string."""
    assert f'{{"price":{text}}}' == encoding.dumps({"price": Decimal(number)})


@pytest.mark.parametrize("number", ["1E-8", "0.00000001", "1E+3", "0E-8", "1.5E-7"])
def test_very_small_and_very_large_numbers_are_exact_numbers(number: str) -> None:
    """However the number is written, any JSON reader reads the same number."""
    text = encoding.dumps([Decimal(number)])

    assert [Decimal(number)] == json.loads(text, parse_float=Decimal, parse_int=Decimal)


@settings(derandomize=True, database=None, max_examples=200)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_any_number_is_read_back(number: Decimal) -> None:
    """No digit is lost or added on the wire."""
    text = encoding.dumps(number)

    assert number == json.loads(text, parse_float=Decimal, parse_int=Decimal)


def test_json_is_compact() -> None:
    """Without blanks; text is escaped where JSON requires it."""
    assert '{"a":[1,null,true,"Zürich\\u0000"]}' == encoding.dumps(
        {"a": [1, None, True, "Zürich\0"]}
    )


def test_options_of_other_libraries_are_ignored() -> None:
    """Socket.IO passes the options of the standard library."""
    assert '{"a":1}' == encoding.dumps({"a": 1}, separators=(", ", ": "), indent=4)
    assert {"a": 1} == encoding.loads('{"a": 1}', parse_float=Decimal)


@pytest.mark.parametrize(
    ("text", "value"),
    [("null", None), ('["ping"]', ["ping"]), (b'{"a":1.5}', {"a": 1.5}), ('"\\u00e9"', "é")],
)
def test_reads_json(text: str | bytes, value: Any) -> None:
    """Text and bytes are read."""
    assert value == encoding.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "{",
        '{"a":1}x',
        "NaN",
        "Infinity",
        "1e999",
        "01",
        b"\xff\xfe",
        b'"\xed\xa0\x80"',
        '"\ud800"',
        "9" * 5000,
    ],
)
def test_invalid_json_is_a_value_error(text: str | bytes) -> None:
    """Callers have one exception to expect."""
    with pytest.raises(ValueError):
        encoding.loads(text)


@pytest.mark.parametrize("bomb", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closing", [False, True])
def test_huge_nesting_is_a_value_error(bomb: str, closing: bool) -> None:
    """A hundred thousand brackets do not overflow the stack."""
    depth = 100_000
    ends = "".join({"[": "]", "{": "}"}[bracket] for bracket in reversed(bomb) if bracket in "[{")
    text = bomb * depth + ("1" + ends * depth if closing else "")

    with pytest.raises(ValueError):
        encoding.loads(text)
