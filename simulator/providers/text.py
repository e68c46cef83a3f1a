"""Numbers and times in the formats of providers other than Binance, and Binance's events as
values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from simulator.fixed import parse, render
from simulator.playback import TopEvent, TradeEvent
from simulator.simulated_trade import SimulatedTrade, Top

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_encoder = msgspec.json.Encoder(decimal_format="number")
_trade = msgspec.json.Decoder(TradeEvent).decode
_top = msgspec.json.Decoder(TopEvent).decode


def read_trade(payload: bytes) -> SimulatedTrade:
    """Return the trade of a `trade` event."""
    event = _trade(payload)
    price, quantity, wrong = parse(event.p), parse(event.q), parse(event.w)
    return SimulatedTrade(event.t, price, quantity, event.T, event.m, event.c, wrong)


def read_top(payload: bytes) -> Top:
    """Return the best bid and ask of a bookTicker."""
    event = _top(payload)
    return Top(event.u, parse(event.b), parse(event.B), parse(event.a), parse(event.A))


def plain(value: int) -> str:
    """Return a number in 1e-8 without trailing zeros: 61837.63."""
    text = render(value).rstrip("0")
    return text.removesuffix(".")


def number(value: int) -> Decimal:
    """Return a number in 1e-8 for JSON, for encoders with `decimal_format="number"`."""
    return Decimal(plain(value)) if value else Decimal(0)


def encode(value: object) -> bytes:
    """Return JSON whose decimals are numbers, not strings."""
    return _encoder.encode(value)


def iso(milliseconds: int, digits: int = 6) -> str:
    """Return a time as 2026-01-05T14:30:00.253000Z with so many digits, up to 9."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    fraction = f"{milliseconds % 1000:03d}000000"[:digits]
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{fraction}Z"
