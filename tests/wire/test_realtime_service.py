from decimal import Decimal

from omcrm.market.price_class import PriceClass
from omcrm.wire.encoding import dumps
from omcrm.wire.realtime_service import (
    RealtimeFailed,
    RealtimeFetched,
    RealtimeNotFetched,
    RealtimeUpdated,
)


def test_fresh_prices_on_the_wire() -> None:
    """Prices are exact."""
    updated = RealtimeUpdated(
        symbol="BTC",
        price=Decimal("61000.50"),
        price_class=PriceClass.LIVE,
        source="binance",
        timestamp="2026-03-04T15:00:00.000Z",
    )
    failed = RealtimeFailed(symbol="AAPL", reason="no answer")

    assert (
        '{"updated":[{"symbol":"BTC","price":61000.50,"price_class":"live","source":"binance",'
        '"timestamp":"2026-03-04T15:00:00.000Z"}],'
        '"failed":[{"symbol":"AAPL","reason":"no answer"}]}'
    ) == dumps(RealtimeFetched(updated=[updated], failed=[failed]))


def test_unknown_symbols_are_named() -> None:
    """Beside the known ones; the other fields are absent."""
    answer = RealtimeNotFetched(
        error="Unknown symbols: NOPE", invalid_symbols=["NOPE"], valid_symbols=["BTC"]
    )

    assert (
        '{"error":"Unknown symbols: NOPE","invalid_symbols":["NOPE"],"valid_symbols":["BTC"]}'
    ) == dumps(answer)
