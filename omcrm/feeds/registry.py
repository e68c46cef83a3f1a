"""Every provider there is, by the name of its source."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from omcrm.feeds.provider import StreamProvider
from omcrm.feeds.providers.binance import Binance
from omcrm.feeds.providers.last_resort import last_resort
from omcrm.feeds.providers.simulated import simulated
from omcrm.market.instrument import Instrument
from omcrm.market.tick import Tick


class FeedSettings(Struct, frozen=True, kw_only=True):
    """Where the upstreams are; a provider whose settings are absent is off."""

    binance_ws_url: str
    binance_streams: tuple[str, ...]
    exchange_url: str = ""


STREAMS: Mapping[str, Callable[[FeedSettings], StreamProvider | None]] = {
    "binance": lambda settings: (
        Binance(settings.binance_ws_url, settings.binance_streams)
        if settings.binance_ws_url
        else None
    ),
    "simulated": lambda settings: (
        simulated(settings.exchange_url) if settings.exchange_url else None
    ),
}

STATIC: Mapping[str, Callable[[Iterable[Instrument], datetime], list[Tick]]] = {
    "last_resort": last_resort,
}
