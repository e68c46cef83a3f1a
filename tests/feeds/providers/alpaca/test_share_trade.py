"""Trades of shares at Alpaca: their conditions, cancels and corrections."""

import json
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Event, FrameContext, UnknownCondition
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.market.tick import Tick, Trade, TradeCorrection
from omcrm.market.trade_condition import EVERYTHING, NOT_LAST, VOLUME_ONLY, TradeUpdates
from tests.values import START

PROVIDER = Alpaca("wss://stream.data.alpaca.markets/v2/sip", Keys(lambda name: "a-key"))
AT = "2026-01-05T14:30:00.123456789Z"
TRADE = {
    "T": "t", "S": "AAPL", "i": 1201, "x": "V", "p": 231.55, "s": 25, "c": ["@", "I"], "z": "C",
    "t": AT,
}  # fmt: skip


def read(message: Any) -> list[Event]:
    arrival = FrameContext(START, 3, {"AAPL": "AAPL"})
    return list(PROVIDER.parse(json.dumps([message]), arrival))


def tick(message: Any) -> Tick:
    """The one tick there must be."""
    (event,) = read(message)
    assert isinstance(event, Tick)
    return event


@pytest.mark.parametrize(
    ("tape", "conditions", "updates"),
    [
        ("C", ["@"], EVERYTHING),
        ("C", ["@", "W"], VOLUME_ONLY),
        ("C", ["@", "4"], NOT_LAST),
        ("C", ["@", "Z"], NOT_LAST),
        ("C", ["P"], NOT_LAST),
        ("C", ["@", "F", "I"], VOLUME_ONLY),
        ("C", ["B"], EVERYTHING),
        ("A", ["B"], VOLUME_ONLY),
        ("B", [" ", "B"], VOLUME_ONLY),
        ("A", [" ", "F"], EVERYTHING),
        ("O", ["B"], VOLUME_ONLY),
        ("O", ["@"], EVERYTHING),
        ("C", [], EVERYTHING),
        ("C", None, EVERYTHING),
    ],
)
def test_conditions_are_read_by_the_table_of_their_tape(
    tape: str, conditions: list[str] | None, updates: TradeUpdates
) -> None:
    """B is an average price on tapes A and B, and a bunched trade on tape C."""
    trade = tick({**TRADE, "z": tape, "c": conditions}).trade

    assert trade is not None
    assert updates == trade.updates


def test_an_unknown_condition_is_told() -> None:
    """The trade is read, and does not set the last price."""
    event, unknown = read({**TRADE, "c": ["@", "?"]})

    assert isinstance(event, Tick)
    assert event.trade is not None
    assert VOLUME_ONLY == event.trade.updates
    assert UnknownCondition("?") == unknown


CANCEL = {
    "T": "x", "S": "AAPL", "i": 1201, "x": "V", "p": 231.55, "s": 25, "a": "C", "z": "C", "t": AT,
}  # fmt: skip
CORRECTION = {
    "T": "c", "S": "AAPL", "x": "V", "oi": 1201, "op": 231.55, "os": 25, "oc": ["@"], "ci": 1202,
    "cp": 231.6, "cs": 30, "cc": ["@"], "z": "C", "t": AT,
}  # fmt: skip


def test_a_cancel_names_the_trade_that_is_taken_back() -> None:
    """Numbers of trades are those of an exchange."""
    assert TradeCorrection("V 1201") == tick(CANCEL).correction


def test_a_correction_brings_what_the_trade_should_have_been() -> None:
    """The corrected trade has conditions and a number of its own."""
    corrected = Trade(Decimal("231.6"), Decimal(30), reference="V 1202")

    assert TradeCorrection("V 1201", corrected) == tick(CORRECTION).correction
    worse = tick({**CORRECTION, "cc": ["W"]}).correction
    assert worse is not None
    assert worse.trade is not None
    assert VOLUME_ONLY == worse.trade.updates
