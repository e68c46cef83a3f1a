"""Holdings and quotes, with defaults for what a test is not about."""

from decimal import Decimal

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures
from omcrm.portfolio.holding import Holding, Portfolio
from tests.values import START, quote, trade

INSTRUMENTS = {instrument.symbol: instrument for instrument in CATALOGUE}
LIVE = PriceClass.LIVE


def held(symbol: str | Instrument, quantity: str = "1", cost: str = "0") -> Holding:
    instrument = INSTRUMENTS[symbol] if isinstance(symbol, str) else symbol
    return Holding(instrument=instrument, quantity=Decimal(quantity), average_cost=Decimal(cost))


def portfolio(*holdings: Holding) -> Portfolio:
    return Portfolio(
        id=7,
        user_id=3,
        name="Growth",
        version=2,
        created_at=START,
        updated_at=START,
        holdings=holdings,
    )


def priced(
    symbol: str,
    price: str | Decimal,
    price_class: PriceClass = LIVE,
    *,
    opened: str | None = None,
    change: str | None = None,
    source: str = "binance",
    **details: object,
) -> Quote:
    """A quote of a symbol, with the given figures of the day."""
    parts = [trade(price)]
    if opened is not None or change is not None:
        figures = (None if number is None else Decimal(number) for number in (opened, change))
        first, percent = figures
        parts.append(DayFigures(open=first, change_percent=percent))
    origin = Source(source, price_class)
    asset_class = INSTRUMENTS[symbol].asset_class if symbol in INSTRUMENTS else AssetClass.FOREX
    return quote(
        *parts,
        symbol=symbol,
        price_class=price_class,
        asset_class=asset_class,
        source=origin,
        **details,
    )


def by_symbol(*quotes: Quote) -> dict[str, Quote]:
    return {quote.symbol: quote for quote in quotes}
