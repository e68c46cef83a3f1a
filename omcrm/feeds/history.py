"""Every provider of finished days, by the name of its source."""

from collections.abc import Callable, Mapping

from omcrm.feeds.history_provider import HistoryProvider
from omcrm.feeds.providers.alpha_vantage.history import AlphaVantageHistory
from omcrm.feeds.providers.binance.history import BinanceHistory
from omcrm.feeds.providers.coinbase.history import CoinbaseHistory
from omcrm.feeds.providers.coingecko.history import CoinGeckoHistory
from omcrm.feeds.providers.frankfurter.history import FrankfurterHistory
from omcrm.feeds.providers.simulated.history import simulated_history
from omcrm.feeds.registry import FeedSettings
from omcrm.market.source import SIMULATED

# The setting that holds each one's address: that of its poller, or one of its own.
ADDRESSES: Mapping[str, str] = {
    "binance": "binance_rest",
    "coinbase": "coinbase_rest",
    "coingecko": "coingecko",
    "alpha_vantage": "alpha_vantage",
    "frankfurter": "frankfurter",
    SIMULATED.name: SIMULATED.name,
}

HISTORIES: Mapping[str, Callable[[str, FeedSettings], HistoryProvider]] = {
    "binance": lambda url, settings: BinanceHistory(url),
    "coinbase": lambda url, settings: CoinbaseHistory(url),
    "coingecko": lambda url, settings: CoinGeckoHistory(url, settings.keys),
    "alpha_vantage": lambda url, settings: AlphaVantageHistory(url, settings.keys),
    "frankfurter": lambda url, settings: FrankfurterHistory(url),
    SIMULATED.name: lambda url, settings: simulated_history(url),
}


def histories(settings: FeedSettings) -> dict[str, HistoryProvider]:
    """The history providers that have an address."""
    return {
        name: make(settings.urls[ADDRESSES[name]], settings)
        for name, make in HISTORIES.items()
        if settings.urls.get(ADDRESSES[name])
    }
