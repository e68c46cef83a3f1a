"""The instruments a new installation starts with.

Their last-resort prices are rounded figures of 2024-08-08: good enough to recognise the
instrument by, never to trade on.
"""

from collections.abc import Iterable
from decimal import Decimal

from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED


def _coin(
    symbol: str, name: str, decimals: int, price: str, gecko: str, coin: str | None = None
) -> Instrument:
    coin = coin or symbol
    pair = f"{coin.lower()}usdt"
    return Instrument(
        symbol=symbol,
        name=name,
        asset_class=AssetClass.CRYPTO,
        decimals=decimals,
        last_resort_price=Decimal(price),
        provider_symbols={
            "binance": pair,
            "coinbase": f"{coin}-USD",
            "kraken": f"{coin}/USD",
            "coingecko": gecko,
            "simulated": pair,
        },
    )


def _stock(symbol: str, name: str, price: str) -> Instrument:
    sources = ("finnhub", "alpaca", "massive", "finnhub_quote", "alpha_vantage")
    return Instrument(
        symbol=symbol,
        name=name,
        asset_class=AssetClass.STOCK,
        decimals=2,
        last_resort_price=Decimal(price),
        provider_symbols={**dict.fromkeys(sources, symbol), "simulated": symbol.lower()},
    )


def _pair(symbol: str, name: str, price: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=name,
        asset_class=AssetClass.FOREX,
        decimals=3 if symbol.endswith("JPY") else 5,
        last_resort_price=Decimal(price),
        provider_symbols={
            "exchangerate_api": symbol,
            "frankfurter": symbol,
            "simulated": symbol.lower(),
        },
    )


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
            if source in instrument.provider_symbols and source != SIMULATED.name
        ]
        group = names[instrument.asset_class.group]
        group[instrument.symbol] = known[0] if known else instrument.symbol
    return names
