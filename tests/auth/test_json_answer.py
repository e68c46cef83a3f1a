from decimal import Decimal

from omcrm.auth.json_answer import json_answer


def test_decimals_are_numbers_and_exact() -> None:
    """Every digit is kept."""
    answer = json_answer({"price": Decimal("67234.560000000005"), "symbol": "BTC"}, 201)

    assert (201, "application/json") == (answer.status_code, answer.mimetype)
    assert b'{"price":67234.560000000005,"symbol":"BTC"}' == answer.data
