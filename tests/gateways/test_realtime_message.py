import json
from typing import Any

import pytest

from omcrm.errors import MessageRefused
from omcrm.gateways.realtime_message import (
    MESSAGE_TYPES,
    inbound,
)
from omcrm.wire.realtime import REALTIME
from omcrm.wire.realtime_request import GetPortfolioValue, RealtimePing, SubscribeAsset


def envelope(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": data, "timestamp": "whenever"})


def test_every_message_type_is_described() -> None:
    """Each with a sentence."""
    assert {message.name for message in REALTIME.received} == MESSAGE_TYPES.keys()
    assert all(MESSAGE_TYPES.values())


def test_envelopes_are_decoded() -> None:
    """Unknown fields are ignored."""
    message = inbound.read(envelope("subscribe_asset", symbol="AAPL", more=1))

    assert isinstance(message, SubscribeAsset)
    assert "AAPL" == message.data.symbol
    assert isinstance(inbound.read('{"type":"ping"}'), RealtimePing)


@pytest.mark.parametrize("number", [123, "123"])
def test_a_portfolio_is_a_number_or_its_text(number: object) -> None:
    """Both give the same number."""
    message = inbound.read(envelope("get_portfolio_value", portfolio_id=number))

    assert isinstance(message, GetPortfolioValue)
    assert 123 == int(message.data.portfolio_id)


@pytest.mark.parametrize(
    "number", [None, True, 1.5, "", "-1", "1e3", "1_0", "1\n", "٣", [1], "1" * 11]
)
def test_an_invalid_portfolio_id(number: object) -> None:
    """It is refused like a portfolio of another user, and the field is named."""
    with pytest.raises(MessageRefused) as refused:
        inbound.read(envelope("subscribe_portfolio", portfolio_id=number))

    assert "Access denied to portfolio" == refused.value.message
    assert "portfolio_id" in str(refused.value.detail)


@pytest.mark.parametrize("symbol", [None, 5, "", " \t", "\u00a0", ["AAPL"]])
def test_an_invalid_symbol(symbol: object) -> None:
    """It is missing, blank, or no text."""
    with pytest.raises(MessageRefused) as refused:
        inbound.read(envelope("get_asset_price", symbol=symbol))

    assert "Symbol is required" == refused.value.message
    assert "symbol" in str(refused.value.detail)
