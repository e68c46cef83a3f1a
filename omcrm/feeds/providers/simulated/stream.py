"""The built-in exchange: it uses Binance's wire format for every kind of instrument."""

from omcrm.feeds.providers.binance.stream import Binance
from omcrm.market.source import SIMULATED


def simulated(exchange_url: str) -> Binance:
    """The provider of a demo installation; its prices are labelled `simulated`."""
    return Binance(exchange_url, ("trade", "bookTicker", "ticker"), source=SIMULATED)
