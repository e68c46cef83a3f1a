from decimal import Decimal

import pytest

from omcrm.errors import AccessRefused
from omcrm.portfolio import messages
from omcrm.portfolio.messages import Figures, Name, NewHolding
from omcrm.portfolio.valuation import value
from omcrm.streaming import wire
from tests.portfolio.own import held, portfolio, priced
from tests.values import START


def test_numbers_are_read_exactly() -> None:
    """Whether they are numbers or text; no binary float stands between."""
    body = b'{"symbol":"BTC","quantity":0.1000000000000000055,"average_cost":"1.10"}'
    read = messages.read(body, NewHolding)

    assert ("BTC", Decimal("0.1000000000000000055")) == (read.symbol, read.quantity)
    assert "1.10" == str(read.average_cost)


@pytest.mark.parametrize(
    ("body", "schema", "field"),
    [
        (b'{"name":3}', Name, "name"),
        (b"{}", Name, "name"),
        (b'{"quantity":true,"average_cost":1}', Figures, "quantity"),
        (b'{"quantity":1}', Figures, "average_cost"),
        (b'{"quantity":1,"average_cost":"one"}', Figures, "average_cost"),
        (b'{"quantity":1,"average_cost":1,"<script>":1}', Figures, None),
        (b'{"quantity":1,"average_cost":1,"owner":1}', Figures, None),
        (b"[]", Name, None),
        (b"", Name, None),
        (b"{", Name, None),
        (b"\xff", Name, None),
        (b"[" * 4000, Name, None),
    ],
)
def test_what_is_wrong_is_named(body: bytes, schema: type, field: str | None) -> None:
    """The field, where it is one of ours; nothing of what was sent is repeated as a name."""
    with pytest.raises(AccessRefused) as refusal:
        messages.read(body, schema)

    assert ("INVALID_PAYLOAD", field) == (refusal.value.code, refusal.value.field)
    assert "script" not in refusal.value.message
    assert "owner" not in refusal.value.message


def test_a_long_body_is_not_looked_at() -> None:
    """Nothing that fits needs so many bytes."""
    with pytest.raises(AccessRefused) as refusal:
        messages.read(b'{"name":"' + b"x" * messages.LARGEST_BODY + b'"}', Name)

    assert 413 == refusal.value.status


def test_a_portfolio_is_told_with_what_it_is_worth() -> None:
    """Exact numbers, times as everywhere, null for what is not known."""
    own = portfolio(held("BTC", "0.1", "3"), held("ETH"))
    quotes = {"BTC": priced("BTC", "61234.57")}
    told = wire.loads(wire.dumps(messages.valued(own, value(own, quotes, START))))
    bitcoin, ether = told["holdings"]

    assert (7, "Growth", 2) == (told["id"], told["name"], told["version"])
    assert "2026-03-04T15:00:00.000Z" == told["valued_at"] == told["created_at"]
    assert (6123.457, None, "live") == (told["total_value"], ether["value"], bitcoin["price_class"])
    assert [{"symbol": "ETH", "reason": "no_price"}] == told["coverage"]["missing"]
    assert {"symbol": "BTC", "quantity": Decimal("0.1"), "average_cost": Decimal(3)} == (
        messages.held(own, " btc ")
    )
