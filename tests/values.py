"""Values of the market, with defaults for what a test does not need."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from omcrm.feeds.news.collector import NewsCollector
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import Source
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.wire import encoding

START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
BINANCE = Source("binance", PriceClass.LIVE)
KRAKEN = Source("kraken", PriceClass.LIVE)

PRICE_UPDATE_FIELDS = {
    "symbol",
    "price",
    "change_24h",
    "timestamp",
    "bid",
    "ask",
    "high_24h",
    "low_24h",
    "volume_24h",
    "source",
    "price_class",
    "price_basis",
    "provider_time",
    "received_at",
    "seq",
}
"""The fields of every `price_update`."""


def after(seconds: float) -> datetime:
    """The time so many seconds after START."""
    return START + timedelta(seconds=seconds)


def trade(
    price: str | Decimal,
    trade_id: int | None = None,
    size: str | None = None,
    time: datetime | None = None,
) -> Trade:
    return Trade(Decimal(price), None if size is None else Decimal(size), trade_id, time)


def book(bid: str, ask: str, book_id: int | None = None) -> TopOfBook:
    return TopOfBook(Decimal(bid), Decimal(ask), id=book_id)


def tick(
    *components: Trade | TopOfBook | DayFigures,
    symbol: str = "BTC",
    source: Source = BINANCE,
    at: datetime = START,
    connection: int = 1,
) -> Tick:
    """A tick of these components."""
    kinds = {Trade: "trade", TopOfBook: "book", DayFigures: "day"}
    fields = {kinds[type(component)]: component for component in components}
    return Tick(symbol, source, at, connection, **fields)


def source_quote(*components: Trade | TopOfBook | DayFigures, **details: object) -> SourceQuote:
    """The record of a source after its first tick."""
    return SourceQuote.merge(tick(*components, **details), None)


# The trades are held, so that no other one gets the identity of one that is gone. Their numbers are
# above those that merging gives.
_NUMBERS: dict[int, tuple[Trade | None, int]] = {}


def quote(
    *components: Trade | TopOfBook | DayFigures,
    seq: int = 1,
    price_class: PriceClass = PriceClass.LIVE,
    asset_class: AssetClass = AssetClass.CRYPTO,
    **details: object,
) -> Quote:
    """A quote of these components; each trade that is given has a number of its own."""
    record = source_quote(*components, **details)
    number = _NUMBERS.setdefault(id(record.trade), (record.trade, len(_NUMBERS) + 1001))[1]
    numbered = structs.replace(record, trade_number=number)
    return numbered.quote(seq, price_class, asset_class)


def instrument(
    symbol: str = "BTC",
    asset_class: AssetClass = AssetClass.CRYPTO,
    provider_symbols: Mapping[str, str] | None = None,
    number: int = 0,
    **details: object,
) -> Instrument:
    """An instrument with the usual values of its class; by default with names at Binance and at
    the built-in exchange."""
    name = f"{symbol.lower()}usdt"
    facts = {
        "symbol": symbol,
        "name": symbol,
        "decimals": 2,
        "last_resort_price": Decimal(1),
        "provider_symbols": (
            {"binance": name, "simulated": name} if provider_symbols is None else provider_symbols
        ),
        "id": number,
    }
    first = next(item for item in CATALOGUE if item.asset_class is asset_class)
    return structs.replace(first, **{**facts, **details})


def no_news() -> NewsCollector:
    """A collector without sources."""
    return NewsCollector((), 0.0, lambda: START)


def sent(message: Any) -> Any:
    """What a client reads of a message."""
    return encoding.loads(encoding.dumps(message))
