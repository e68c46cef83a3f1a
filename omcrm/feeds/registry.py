"""Every provider there is, by the name of its source."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from omcrm.feeds.keys import Keys
from omcrm.feeds.last_resort import last_resort
from omcrm.feeds.provider import PollProvider, StreamProvider
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.feeds.providers.alpha_vantage.poll import AlphaVantage
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.providers.coinbase.stream import Coinbase
from omcrm.feeds.providers.coingecko.poll import CoinGecko
from omcrm.feeds.providers.exchangerate_api.poll import ExchangeRateApi
from omcrm.feeds.providers.finnhub.poll import FinnhubQuote
from omcrm.feeds.providers.finnhub.stream import Finnhub
from omcrm.feeds.providers.frankfurter.poll import Frankfurter
from omcrm.feeds.providers.kraken.stream import Kraken
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.feeds.providers.simulated.stream import simulated
from omcrm.market.instrument import Instrument
from omcrm.market.tick import Tick


class FeedSettings(Struct, frozen=True, kw_only=True):
    """The addresses of upstreams by name, and their keys; a provider without an address is off."""

    urls: Mapping[str, str] = {}
    keys: Keys = Keys()
    binance_streams: tuple[str, ...] = ("trade", "bookTicker", "ticker")


MakeStream = Callable[[str, FeedSettings], StreamProvider]
MakePoll = Callable[[str, FeedSettings], PollProvider]

STREAMS: Mapping[str, MakeStream] = {
    "binance": lambda url, settings: Binance(url, settings.binance_streams),
    "coinbase": lambda url, settings: Coinbase(url),
    "kraken": lambda url, settings: Kraken(url),
    "alpaca": lambda url, settings: Alpaca(url, settings.keys),
    "finnhub": lambda url, settings: Finnhub(url, settings.keys),
    "massive": lambda url, settings: Massive(url, settings.keys),
    "simulated": lambda url, settings: simulated(url),
}

POLLS: Mapping[str, MakePoll] = {
    "coingecko": lambda url, settings: CoinGecko(url, settings.keys),
    "finnhub_quote": lambda url, settings: FinnhubQuote(url, settings.keys),
    "alpha_vantage": lambda url, settings: AlphaVantage(url, settings.keys),
    "exchangerate_api": lambda url, settings: ExchangeRateApi(
        url, settings.urls.get("exchangerate_open", ""), settings.keys
    ),
    "frankfurter": lambda url, settings: Frankfurter(url),
}

STATIC: Mapping[str, Callable[[Iterable[Instrument], datetime], list[Tick]]] = {
    "last_resort": last_resort,
}


def streams(settings: FeedSettings) -> dict[str, StreamProvider]:
    """The streaming providers that have an address."""
    return {
        name: make(settings.urls[name], settings)
        for name, make in STREAMS.items()
        if settings.urls.get(name)
    }


def polls(settings: FeedSettings) -> dict[str, PollProvider]:
    """The polled providers that have an address."""
    return {
        name: make(settings.urls[name], settings)
        for name, make in POLLS.items()
        if settings.urls.get(name)
    }
