from omcrm.wire import encoding
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.realtime import (
    RealtimeError,
    RealtimeMoment,
    RealtimePong,
    RealtimeSubscription,
    RealtimeWrong,
)
from tests.values import sent

MOMENT = RealtimeMoment(timestamp="2026-01-05T14:30:00.123Z")


def test_an_envelope() -> None:
    """Its type, its content, and when it was made."""
    message = RealtimePong(data=MOMENT, timestamp="2026-01-05T14:30:00.125Z")

    assert (
        '{"type":"pong","data":{"timestamp":"2026-01-05T14:30:00.123Z"},'
        '"timestamp":"2026-01-05T14:30:00.125Z"}'
    ) == encoding.dumps(message)
    assert RealtimePong.of(MOMENT).timestamp > message.timestamp


def test_an_error_names_only_what_it_concerns() -> None:
    """Other fields are absent, not null."""
    wrong = RealtimeWrong(message="No.", code=ErrorCode.ACCESS_DENIED, portfolio_id=7)
    body = sent(RealtimeError.of(wrong))["data"]

    assert {"message": "No.", "code": "ACCESS_DENIED", "portfolio_id": 7} == body
    assert {"type": "asset", "symbol": "BTC"} == sent(
        RealtimeSubscription(type="asset", symbol="BTC")
    )
