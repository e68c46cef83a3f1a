"""Instruments and their figures, with defaults for what a test is not about."""

from decimal import Decimal
from typing import Any

from omcrm.gateways.finance_query.row import InstrumentFigures, instrument_figures
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED, Source
from omcrm.market.tick import DayFigures
from tests.values import BINANCE, instrument, quote, trade

FINNHUB = Source("finnhub", PriceClass.LIVE)


def share(symbol: str = "AAPL") -> Instrument:
    return instrument(symbol, AssetClass.STOCK)


def figures_of(
    symbol: str,
    price: str,
    before: str | None,
    volume: str | None = None,
    kind: AssetClass = AssetClass.CRYPTO,
    price_class: PriceClass = PriceClass.LIVE,
    **details: Any,
) -> InstrumentFigures:
    """The figures of an instrument at `price` that was at `before` a day ago."""
    is_simulated = price_class is PriceClass.SIMULATED
    source = SIMULATED if is_simulated else BINANCE if kind is AssetClass.CRYPTO else FINNHUB
    percent = None
    if before is not None and kind is not AssetClass.CRYPTO:
        percent = (Decimal(price) - Decimal(before)) * 100 / Decimal(before)
    day = DayFigures(
        open=None if before is None else Decimal(before),
        volume=None if volume is None else Decimal(volume),
        change_percent=percent,
    )
    state = quote(
        trade(price), day, symbol=symbol, source=source, price_class=price_class, **details
    )
    return instrument_figures(instrument(symbol, kind), state)
