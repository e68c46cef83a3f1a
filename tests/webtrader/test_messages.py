from typing import Any

import pytest

from omcrm.errors import AccessRefused
from omcrm.webtrader.messages import read
from omcrm.wire.desk_request import Instruments

NESTED: list[Any] = []
for _ in range(100_000):
    NESTED = [NESTED]


def test_a_body_is_read_by_its_type() -> None:
    """Unknown fields are ignored."""
    assert Instruments(symbols=["BTC"]) == read({"symbols": ["BTC"], "more": 1}, Instruments)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "Expected `object`"),
        ({"symbols": [1]}, "$.symbols[0]"),
        ({"symbols": NESTED}, "$.symbols"),
    ],
    ids=["nothing", "field", "nested"],
)
def test_an_invalid_body_is_refused(body: Any, problem: str) -> None:
    """The message names the wrong field and the problem."""
    with pytest.raises(AccessRefused) as refusal:
        read(body, Instruments)

    assert ("INVALID_PAYLOAD", 400) == (refusal.value.code, refusal.value.status)
    assert refusal.value.message.startswith("invalid payload: ")
    assert problem in refusal.value.message
