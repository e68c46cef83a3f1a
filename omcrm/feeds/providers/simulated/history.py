"""The built-in exchange's daily bars: it uses Binance's HTTP format, too."""

from omcrm.feeds.providers.binance.history import BinanceHistory
from omcrm.market.source import SIMULATED


def simulated_history(exchange_url: str) -> BinanceHistory:
    """The history of a demo installation, at the address of its WebSocket."""
    return BinanceHistory(exchange_url.replace("ws://", "http://", 1), SIMULATED)
