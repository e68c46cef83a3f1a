from decimal import Decimal

import pytest
from msgspec import UNSET, structs

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures
from omcrm.wire.realtime_asset import RealtimeAssetFigures, RealtimeAssetPriceNow
from tests.values import after, instrument, quote, sent, tick, trade

BTC = instrument("BTC")
SHARE = instrument("AAPL", AssetClass.STOCK)


def test_a_share_is_compared_with_its_previous_close() -> None:
    """The close follows from the change in percent; the session's open is not used."""
    day = DayFigures(
        open=Decimal("149.00"),
        high=Decimal("151.00"),
        low=Decimal("148.50"),
        volume=Decimal(50_000_000),
        change_percent=Decimal("1.6922"),
    )
    share = quote(trade("150.25"), day, symbol="AAPL", seq=7, asset_class=AssetClass.STOCK)
    figures = RealtimeAssetFigures.of(share, SHARE)

    assert {
        "symbol": "AAPL",
        "price": Decimal("150.25"),
        "change": Decimal("2.50"),
        "change_percent": Decimal("1.6922"),
        "change_basis": "previous_close",
        "volume": Decimal(50_000_000),
        "high": Decimal("151.00"),
        "low": Decimal("148.50"),
        "timestamp": "2026-03-04T15:00:00.000Z",
        "price_class": "live",
        "price_basis": "trade",
        "source": "binance",
        "provider_time": None,
        "seq": 7,
        "recorded_at": UNSET,
    } == structs.asdict(figures)


def test_a_later_trade_moves_the_change() -> None:
    """The previous close stays; the percentage belongs to the price it was received with."""
    first = SourceQuote.merge(
        tick(trade("150.00"), DayFigures(change_percent=Decimal(50)), symbol="AAPL"), None
    )
    state = SourceQuote.merge(tick(trade("125.00"), symbol="AAPL", at=after(1)), first)
    figures = RealtimeAssetFigures.of(state.quote(2, PriceClass.LIVE, AssetClass.STOCK), SHARE)

    assert (Decimal(25), Decimal(25)) == (figures.change, figures.change_percent)


def test_crypto_is_compared_with_a_day_ago() -> None:
    """The sources' open is the price of a day ago; so is that of the built-in exchange."""
    day = DayFigures(open=Decimal("67000.10"), change_percent=Decimal("9.99"))
    coin = RealtimeAssetFigures.of(quote(trade("67234.56"), day), BTC)
    share = RealtimeAssetFigures.of(
        quote(trade("67234.56"), day, symbol="AAPL", source=SIMULATED), SHARE
    )

    for figures in (coin, share):
        assert (Decimal("234.46"), Decimal("0.3499"), "24h") == (
            figures.change,
            figures.change_percent,
            figures.change_basis,
        )


@pytest.mark.parametrize("parts", [(trade("1"),), (trade("1"), DayFigures())])
def test_no_change_is_made_up(parts: tuple[object, ...]) -> None:
    """The change is None where the source does not report the previous price."""
    figures = RealtimeAssetFigures.of(quote(*parts), BTC)
    unlisted = RealtimeAssetFigures.of(quote(trade("2"), DayFigures(open=Decimal(1))), None)

    assert (None, None, None) == (figures.change, figures.change_percent, figures.change_basis)
    assert (None, None, None) == (unlisted.change, unlisted.change_percent, unlisted.change_basis)


def test_without_a_quote_only_the_symbol_is_set() -> None:
    """All fields are present all the same."""
    for body in (RealtimeAssetFigures, RealtimeAssetPriceNow):
        assert {"AAPL", None} == set(sent(body.unknown("AAPL")).values())


def test_only_the_times_and_the_number_are_left_out() -> None:
    """Of two quotes that differ in nothing else, one needs to be sent."""
    one, other, dearer = (
        RealtimeAssetFigures.of(quote(trade(price), seq=seq, at=after(seq)), BTC).without_times()
        for price, seq in (("1", 1), ("1", 2), ("2", 3))
    )

    assert one == other != dearer
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("price_class", "seconds", "price"),
    [
        (PriceClass.LIVE, 0, 150),
        (PriceClass.STALE, 300, 150),
        (PriceClass.STALE, 300.1, None),
        (PriceClass.INDICATIVE, 301, None),
        (PriceClass.SIMULATED, 301, None),
        # The last price before the close is the price until the market opens.
        (PriceClass.CLOSED, 200_000, 150),
        (PriceClass.LAST_RESORT, 0, None),
    ],
)
def test_until_when_a_price_is_current(
    price_class: PriceClass, seconds: float, price: int | None
) -> None:
    """A price is current for `timeout` seconds; the last price and its age are always sent."""
    source = LAST_RESORT if price_class is PriceClass.LAST_RESORT else SIMULATED
    held = quote(trade("150"), symbol="AAPL", price_class=price_class, source=source)
    now = RealtimeAssetPriceNow.of(held, after(seconds), 300)

    assert (price, 150, seconds) == (now.price, now.last_price, now.age_seconds)
    assert price_class is now.price_class
