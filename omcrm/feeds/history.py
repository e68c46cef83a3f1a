"""Every provider of finished days, by the name of its source."""

from collections.abc import Callable, Mapping

from omcrm.feeds.histories.alpha_vantage import AlphaVantageHistory
from omcrm.feeds.histories.binance import BinanceHistory
from omcrm.feeds.histories.coinbase import CoinbaseHistory
from omcrm.feeds.histories.coingecko import CoinGeckoHistory
from omcrm.feeds.histories.frankfurter import FrankfurterHistory
from omcrm.feeds.history_provider import HistoryProvider
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
    # The built-in exchange uses Binance's HTTP format, too.
    SIMULATED.name: lambda url, settings: BinanceHistory(_plain(url), SIMULATED),
}


def histories(settings: FeedSettings) -> dict[str, HistoryProvider]:
    """The history providers that have an address."""
    return {
        name: make(settings.urls[ADDRESSES[name]], settings)
        for name, make in HISTORIES.items()
        if settings.urls.get(ADDRESSES[name])
    }


def _plain(url: str) -> str:
    """The http:// address of a server with a ws:// one."""
    return url.replace("ws://", "http://", 1)
