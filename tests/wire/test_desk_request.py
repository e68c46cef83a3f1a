from typing import Any

import pytest
from msgspec import ValidationError, convert

from omcrm.market.bar import KEPT, TIMEFRAMES
from omcrm.wire.desk_request import Instruments, PriceHistory, ResumeRequest


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"symbols": ["BTC", "AAPL"]}, Instruments(symbols=["BTC", "AAPL"])),
        ({"instrument_ids": [1, 2]}, Instruments(instrument_ids=[1, 2])),
        (
            {"symbols": ["BTC"], "instrument_ids": [2]},
            Instruments(symbols=["BTC"], instrument_ids=[2]),
        ),
        ({"symbols": ["BTC"], "more": {"of": "it"}}, Instruments(symbols=["BTC"])),
        ({"symbols": ["BTC"], "max_rate": None, "since": None}, Instruments(symbols=["BTC"])),
        ({"symbols": ["BTC"], "max_rate": 2}, Instruments(symbols=["BTC"], max_rate=2)),
        (
            {"symbols": ["BTC"], "since": {"epoch": "e", "seq": 7, "more": 1}},
            Instruments(symbols=["BTC"], since=ResumeRequest("e", 7)),
        ),
    ],
)
def test_instruments_by_symbol_or_id(body: Any, asked: Instruments) -> None:
    """Either or both are accepted, and unknown fields are ignored."""
    assert asked == convert(body, Instruments)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "Expected `object`"),
        ("BTC", "Expected `object`"),
        (["BTC"], "Expected `object`"),
        (7, "Expected `object`"),
        (b"\x00", "Expected `object`"),
        ({}, "at least one instrument"),
        ({"symbols": []}, "at least one instrument"),
        ({"symbols": "BTC"}, "$.symbols"),
        ({"symbols": None}, "$.symbols"),
        ({"symbols": {"BTC": 1}}, "$.symbols"),
        ({"symbols": [1]}, "$.symbols[0]"),
        ({"symbols": ["BTC", None]}, "$.symbols[1]"),
        ({"symbols": [["BTC"]]}, "$.symbols[0]"),
        ({"symbols": [""]}, "$.symbols[0]"),
        ({"symbols": ["x" * 21]}, "$.symbols[0]"),
        ({"symbols": ["BTC"] * 1001}, "$.symbols"),
        ({"instrument_ids": "1"}, "$.instrument_ids"),
        ({"instrument_ids": ["1"]}, "$.instrument_ids[0]"),
        ({"instrument_ids": [1.5]}, "$.instrument_ids[0]"),
        ({"instrument_ids": [True]}, "$.instrument_ids[0]"),
        ({"instrument_ids": [1] * 1001}, "$.instrument_ids"),
        ({"symbols": ["BTC"], "max_rate": 0}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": 0.009}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": 1001}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": float("nan")}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": float("inf")}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": "10"}, "$.max_rate"),
        ({"symbols": ["BTC"], "max_rate": True}, "$.max_rate"),
        ({"symbols": ["BTC"], "since": 7}, "$.since"),
        ({"symbols": ["BTC"], "since": []}, "$.since"),
        ({"symbols": ["BTC"], "since": {}}, "field `epoch` - at `$.since`"),
        ({"symbols": ["BTC"], "since": {"epoch": "e"}}, "field `seq` - at `$.since`"),
        ({"symbols": ["BTC"], "since": {"epoch": None, "seq": 1}}, "$.since.epoch"),
        ({"symbols": ["BTC"], "since": {"epoch": "e" * 41, "seq": 1}}, "$.since.epoch"),
        ({"symbols": ["BTC"], "since": {"epoch": "e", "seq": -1}}, "$.since.seq"),
        ({"symbols": ["BTC"], "since": {"epoch": "e", "seq": 1.5}}, "$.since.seq"),
        ({"symbols": ["BTC"], "since": {"epoch": "e", "seq": "1"}}, "$.since.seq"),
        ({"symbols": ["BTC"], "since": {"epoch": "e", "seq": True}}, "$.since.seq"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_invalid_bodies_are_refused_with_the_field(body: Any, problem: str) -> None:
    """The message names the wrong field and the problem."""
    with pytest.raises(ValidationError) as refusal:
        convert(body, Instruments)

    assert problem in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_history_has_defaults() -> None:
    """Only the symbol is required."""
    assert PriceHistory("BTC", "1m", 200) == convert({"symbol": "BTC"}, PriceHistory)


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_every_timeframe_is_accepted(timeframe: str) -> None:
    """Each timeframe of the candles, up to the number kept."""
    body = {"symbol": "BTC", "timeframe": timeframe, "limit": KEPT}

    assert PriceHistory("BTC", timeframe, KEPT) == convert(body, PriceHistory)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"symbol": None}, "$.symbol"),
        ({"symbol": ""}, "$.symbol"),
        ({"timeframe": "2m"}, "$.timeframe"),
        ({"timeframe": 1}, "$.timeframe"),
        ({"limit": 0}, "$.limit"),
        ({"limit": -1}, "$.limit"),
        ({"limit": KEPT + 1}, "$.limit"),
        ({"limit": "10"}, "$.limit"),
        ({"limit": 10**30}, "$.limit"),
    ],
)
def test_invalid_history_requests_are_refused(fields: dict[str, Any], problem: str) -> None:
    """Neither an unknown timeframe nor more candles than are kept."""
    with pytest.raises(ValidationError) as refusal:
        convert({"symbol": "BTC", **fields}, PriceHistory)

    assert problem in str(refusal.value)


def test_a_history_without_a_symbol_is_refused() -> None:
    """The missing field is named."""
    with pytest.raises(ValidationError, match="missing required field `symbol`"):
        convert({}, PriceHistory)
