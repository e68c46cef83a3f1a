from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from omcrm.auth.request_body import read_body
from omcrm.errors import AccessRefused
from omcrm.wire.portfolio import HoldingFigures, NewHolding, PortfolioName


class Listed(Struct):
    """A body with a list of texts."""

    symbols: list[str]


def test_numbers_are_read_exactly() -> None:
    """As JSON numbers or as texts, without a binary float in between."""
    body = b'{"symbol":"BTC","quantity":0.1000000000000000055,"average_cost":"1.10"}'
    read = read_body(body, NewHolding)

    assert ("BTC", Decimal("0.1000000000000000055")) == (read.symbol, read.quantity)
    assert "1.10" == str(read.average_cost)


@pytest.mark.parametrize(
    ("body", "schema", "field"),
    [
        (b'{"name":3}', PortfolioName, "name"),
        (b"{}", PortfolioName, "name"),
        (b'{"quantity":true,"average_cost":1}', HoldingFigures, "quantity"),
        (b'{"quantity":1}', HoldingFigures, "average_cost"),
        (b'{"quantity":1,"average_cost":"one"}', HoldingFigures, "average_cost"),
        (b'{"quantity":"1_000","average_cost":1}', HoldingFigures, "quantity"),
        (b'{"quantity":"NaN","average_cost":1}', HoldingFigures, "quantity"),
        (b'{"quantity":"1e3","average_cost":1}', HoldingFigures, "quantity"),
        ('{"quantity":1,"average_cost":"１"}'.encode(), HoldingFigures, "average_cost"),
        (b'{"quantity":1,"average_cost":" 1"}', HoldingFigures, "average_cost"),
        (b'{"quantity":1,"average_cost":1,"<script>":1}', HoldingFigures, None),
        (b'{"quantity":1,"average_cost":1,"owner":1}', HoldingFigures, None),
        (b"[]", PortfolioName, None),
        (b"", PortfolioName, None),
        (b"{", PortfolioName, None),
        (b"\xff", PortfolioName, None),
        (b'{"name":"\xff"}', PortfolioName, "name"),
        (b'{"name":"a\\u0000b"}', PortfolioName, "name"),
        (b'{"name":"\\ud800"}', PortfolioName, "name"),
        (b'{"name":"\\udc00"}', PortfolioName, "name"),
        (b'{"quantity":1,"average_cost":1,"symbol":"\xc3"}', NewHolding, "symbol"),
        (b'{"symbols":["BTC",["\xff"]]}', Listed, "symbols"),
        (b'{"symbols":["BTC","\\u0000"]}', Listed, "symbols"),
        (b'{"symbols":["BTC","\\ud800"]}', Listed, "symbols"),
        (b'{"name":NaN}', PortfolioName, None),
        (b"[" * 4000, PortfolioName, None),
    ],
)
def test_the_wrong_field_is_named(body: bytes, schema: type, field: str | None) -> None:
    """The error has the field, where the schema has it; it repeats no unknown name."""
    with pytest.raises(AccessRefused) as refusal:
        read_body(body, schema)

    assert ("INVALID_PAYLOAD", field) == (refusal.value.code, refusal.value.field)
    assert "script" not in refusal.value.message
    assert "owner" not in refusal.value.message


def test_a_long_body_is_not_read() -> None:
    """No valid body needs so many bytes."""
    with pytest.raises(AccessRefused) as refusal:
        read_body(b'{"name":"' + b"x" * 4096 + b'"}', PortfolioName, 4096)

    assert 413 == refusal.value.status


@pytest.mark.parametrize("name", ["Größe", "  a\tb\n", "日本", "🚀", "\u202e", ""])
def test_any_readable_text_is_read(name: str) -> None:
    """Whether it is a valid name is checked elsewhere."""
    assert name == read_body(b'{"name":"%s"}' % _escaped(name), PortfolioName).name


def _escaped(text: str) -> bytes:
    return text.replace("\t", "\\t").replace("\n", "\\n").encode()


@settings(deadline=None, derandomize=True, database=None, max_examples=500)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    """A wrong body only ever raises AccessRefused, and a text that is read can be stored."""
    for body in (noise, b'{"name":"' + noise + b'"}'):
        with suppress(AccessRefused):
            name = read_body(body, PortfolioName).name

            assert "\x00" not in name
            assert isinstance(name.encode(), bytes)
