import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.gateways.portfolio_figures import portfolio_update
from omcrm.portfolio import messages
from omcrm.portfolio.valuation import value
from omcrm.wire import encoding
from tests.portfolio.own import INSTRUMENTS, by_symbol, held, portfolio, priced
from tests.values import START


def test_a_portfolio_with_its_valuation() -> None:
    """Exact numbers, times in the usual format, null for unknown values."""
    own = portfolio(held("BTC", "0.1", "3"), held("ETH"))
    quotes = {"BTC": priced("BTC", "61234.57")}
    message = loads(messages.valued(own, value(own, quotes, START)))["portfolio"]
    bitcoin, ether = message["holdings"]

    assert (7, "Growth", 2) == (message["id"], message["name"], message["version"])
    assert "2026-03-04T15:00:00.000Z" == message["valued_at"] == message["created_at"]
    assert (Decimal("6123.46"), None, "live") == (
        message["total_value"],
        ether["value"],
        bitcoin["price_class"],
    )
    assert [{"symbol": "ETH", "reason": "no_price"}] == message["coverage"]["missing"]
    assert {"symbol": "BTC", "quantity": Decimal("0.1"), "average_cost": Decimal(3)} == loads(
        messages.held(own, " btc ")
    )


def test_a_valued_portfolio_has_the_fields_of_its_summary_first() -> None:
    """In the order that programs know; the holdings are in the place of their count."""
    own = portfolio(held("BTC", "0.1", "3"))
    summary = loads(messages.summary(own))
    valued = loads(messages.valued(own, value(own, {}, START)))["portfolio"]

    assert ["id", "name", "version", "created_at", "updated_at", "holdings"] == list(summary)
    assert [*summary, "currency", "valued_at", "total_value"] == list(valued)[:9]
    assert ["no_daily_change", "not_counted_value", "coverage"] == list(valued)[-3:]


amounts = st.decimals(min_value="1e-12", max_value=10**9, places=12)
NO_MONEY = {
    "id",
    "version",
    "portfolio_id",
    "holdings",
    "count",
    "decimals",
    "price",
    "average_cost",
    "quantity",
    "age_seconds",
}


def numbers(content: object, name: str = "") -> Iterator[tuple[str, Decimal]]:
    """Every number in a message, with the name of its field."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from numbers(value, key)
    elif isinstance(content, list):
        for item in content:
            yield from numbers(item, name)
    elif isinstance(content, Decimal):
        yield name, content


def is_money(name: str) -> bool:
    return name not in NO_MONEY and not name.endswith("_percent")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(sorted(INSTRUMENTS)), amounts, amounts), max_size=6))
def test_money_is_sent_in_cents(holdings: list[tuple[str, Decimal, Decimal]]) -> None:
    """Every amount has two decimals at most, and is rounded after summing exact amounts."""
    own = portfolio(*(held(symbol, str(amount), str(cost)) for symbol, amount, cost in holdings))
    quotes = by_symbol(
        *(priced(symbol, "1.23456789", opened="1.2") for symbol in INSTRUMENTS),
    )
    valuation = value(own, quotes, START)
    sent = [
        loads(messages.valued(own, valuation))["portfolio"],
        exact(portfolio_update(valuation))["data"],
    ]
    sums = [(name, number) for body in sent for name, number in numbers(body) if is_money(name)]

    assert all(number == round(number, 2) for _, number in sums), sums
    assert {"total_value", "cost", "profit"} <= {name for name, _ in sums}
    assert round(valuation.total_value, 2) == sent[0]["total_value"] == sent[1]["total_value"]
    assert all(Decimal("1.23456789") == line["price"] for line in sent[0]["holdings"])


def loads(body: object) -> Any:
    """The body as it is on the wire."""
    return exact(encoding.dumps(body))


def exact(text: str) -> Any:
    """The value of a JSON text, with decimals for numbers."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
