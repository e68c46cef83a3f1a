"""The instruments a new installation starts with, and the usual values of a new one.

Their last-resort prices are rounded figures of 2024-08-08: good enough to recognise the
instrument by, never to trade on.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from omcrm.market.currency import DOLLAR, currencies
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.session import Calendar
from omcrm.market.source import SIMULATED

UNKNOWN_SCALE = 8
"""The storage scale where the price step of the venue is not known."""


class ClassDefaults(Struct, frozen=True, kw_only=True):
    """What an instrument of one asset class has where nothing else is said.

    The minimum quantity is one step. `currency` is None for pairs, whose name shows it.
    """

    calendar: Calendar
    currency: str | None
    quantity_step: Decimal
    maximum_quantity: Decimal


# Parts of a coin, whole shares, and the 0.01 to 100 lots that are usual in forex.
DEFAULTS: Mapping[AssetClass, ClassDefaults] = {
    AssetClass.CRYPTO: ClassDefaults(
        calendar=Calendar.ALWAYS,
        # Or a coin that stands for the dollar.
        currency=DOLLAR,
        quantity_step=Decimal("0.00001"),
        maximum_quantity=Decimal(1_000_000),
    ),
    AssetClass.STOCK: ClassDefaults(
        calendar=Calendar.XNYS,
        currency=DOLLAR,
        quantity_step=Decimal(1),
        maximum_quantity=Decimal(100_000),
    ),
    AssetClass.FOREX: ClassDefaults(
        calendar=Calendar.FOREX,
        currency=None,
        quantity_step=Decimal(1_000),
        maximum_quantity=Decimal(10_000_000),
    ),
}


def step_of(decimals: int) -> Decimal:
    """The smallest step of a number with so many decimals."""
    return Decimal(1).scaleb(-decimals)


def _usual(
    symbol: str,
    name: str,
    asset_class: AssetClass,
    decimals: int,
    price: str,
    provider_symbols: Mapping[str, str],
) -> Instrument:
    usual = DEFAULTS[asset_class]
    return Instrument(
        symbol=symbol,
        name=name,
        asset_class=asset_class,
        decimals=decimals,
        currency=usual.currency or currencies(symbol)[1],
        price_step=step_of(decimals),
        quantity_step=usual.quantity_step,
        minimum_quantity=usual.quantity_step,
        maximum_quantity=usual.maximum_quantity,
        storage_scale=UNKNOWN_SCALE,
        calendar=usual.calendar,
        last_resort_price=Decimal(price),
        provider_symbols=provider_symbols,
    )


def _coin(
    symbol: str, name: str, decimals: int, price: str, gecko: str, coin: str | None = None
) -> Instrument:
    coin = coin or symbol
    pair = f"{coin.lower()}usdt"
    names = {
        "binance": pair,
        "coinbase": f"{coin}-USD",
        "kraken": f"{coin}/USD",
        "coingecko": gecko,
        "simulated": pair,
    }
    return _usual(symbol, name, AssetClass.CRYPTO, decimals, price, names)


def _stock(symbol: str, name: str, price: str) -> Instrument:
    sources = ("finnhub", "alpaca", "massive", "finnhub_quote", "alpha_vantage")
    names = {**dict.fromkeys(sources, symbol), "simulated": symbol.lower()}
    return _usual(symbol, name, AssetClass.STOCK, 2, price, names)


def _pair(symbol: str, name: str, price: str) -> Instrument:
    decimals = 3 if symbol.endswith("JPY") else 5
    names = {"exchangerate_api": symbol, "frankfurter": symbol, "simulated": symbol.lower()}
    return _usual(symbol, name, AssetClass.FOREX, decimals, price, names)


CATALOGUE: tuple[Instrument, ...] = (
    _coin("BTC", "Bitcoin", 2, "61800", "bitcoin"),
    _coin("ETH", "Ethereum", 2, "2680", "ethereum"),
    _coin("SOL", "Solana", 2, "162", "solana"),
    _coin("BNB", "BNB", 2, "517", "binancecoin"),
    _coin("ADA", "Cardano", 4, "0.3450", "cardano"),
    _coin("DOT", "Polkadot", 3, "4.600", "polkadot"),
    _coin("AVAX", "Avalanche", 2, "22", "avalanche-2"),
    # Binance swapped MATIC for POL one to one on 2024-09-13; the old pair is gone.
    _coin("MATIC", "Polygon", 4, "0.4100", "polygon-ecosystem-token", coin="POL"),
    _stock("AAPL", "Apple", "213.30"),
    _stock("MSFT", "Microsoft", "402.70"),
    _stock("GOOGL", "Alphabet", "162.00"),
    _stock("AMZN", "Amazon", "165.80"),
    _stock("TSLA", "Tesla", "198.80"),
    _stock("META", "Meta Platforms", "509.60"),
    _stock("NVDA", "NVIDIA", "105.00"),
    _stock("JPM", "JPMorgan Chase", "205.00"),
    _pair("EURUSD", "Euro / US dollar", "1.09180"),
    _pair("GBPUSD", "Pound sterling / US dollar", "1.27480"),
    _pair("USDJPY", "US dollar / Japanese yen", "147.200"),
    _pair("AUDUSD", "Australian dollar / US dollar", "0.65920"),
    _pair("USDCAD", "US dollar / Canadian dollar", "1.37350"),
    _pair("USDCHF", "US dollar / Swiss franc", "0.86640"),
    _pair("NZDUSD", "New Zealand dollar / US dollar", "0.60120"),
    _pair("EURGBP", "Euro / pound sterling", "0.85640"),
)


def names_by_group(instruments: Iterable[Instrument]) -> dict[str, dict[str, str]]:
    """Each group's symbols with the name that their first real source knows them by."""
    names: dict[str, dict[str, str]] = {asset_class.group: {} for asset_class in AssetClass}
    for instrument in instruments:
        known = [
            instrument.provider_symbols[source]
            for source in POLICIES[instrument.asset_class].sources
            if instrument.provider_symbols.get(source) and source != SIMULATED.name
        ]
        group = names[instrument.asset_class.group]
        group[instrument.symbol] = known[0] if known else instrument.symbol
    return names
