"""A drill's stage: the built-in exchange, every upstream's client pointed at it, a market that is
open."""

import json
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from omcrm.child import ExchangeProcess
from omcrm.feeds.keys import Keys
from omcrm.feeds.poller import Polling
from omcrm.feeds.registry import STREAMS, FeedSettings
from omcrm.feeds.supervisor import Pace
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED
from omcrm.webtrader.realtime_data import RealTimeDataManager

# Where each client finds its upstream at the exchange.
PATHS: Mapping[str, str] = {
    "binance": "",
    "coinbase": "/coinbase",
    "coingecko": "/coingecko/api/v3",
    "kraken": "/kraken/v2",
    "finnhub": "/finnhub",
    "finnhub_quote": "/finnhub/api/v1",
    "alpaca": "/alpaca/v2/iex",
    "massive": "/massive/stocks",
    "alpha_vantage": "/alpha_vantage",
    "exchangerate_api": "/exchangerate_api",
    "exchangerate_open": "/exchangerate_api/open",
    "frankfurter": "/frankfurter",
}
_KEY = "a-key-of-the-drill"
_TIMEOUT = 5.0
_DAY = timedelta(days=1)


def urls(exchange: str) -> dict[str, str]:
    """The address of every upstream at an exchange that listens at `exchange`, a ws:// URL."""
    plain = exchange.replace("ws://", "http://")
    return {name: (exchange if name in STREAMS else plain) + path for name, path in PATHS.items()}


def venue_of(source: str) -> str:
    """The exchange's name of the venue where a source is found."""
    return PATHS[source].strip("/").partition("/")[0] or "binance"


def opening_shift(instruments: Iterable[Instrument], now: datetime) -> timedelta:
    """By how many whole days a clock must differ for all markets of these to be open."""
    classes = {each.asset_class for each in instruments}
    hours = [timedelta(hours=number) for number in range(24)]
    for days in range(14):
        for hour in hours:
            shift = -(days * _DAY + hour)
            moments = (now + shift, now + shift + timedelta(minutes=30))
            if all(is_open(each, moment) for each in classes for moment in moments):
                return shift
    raise AssertionError("no market was open in two weeks")


class Scene:
    """Runs from `with` to its end; `speaker` is the best source of the policy there is.

    Only instruments that the speaker knows are followed.
    """

    def __init__(self, speaker: str, folder: Path, pace: Pace | None = None) -> None:
        self.speaker = speaker
        self.instruments = [each for each in CATALOGUE if speaker in each.provider_symbols]
        classes = {each.asset_class for each in self.instruments}
        order = [name for each in classes for name in POLICIES[each].sources]
        allowed = set(order[order.index(speaker) :]) | {"exchangerate_open"}
        shift = opening_shift(self.instruments, datetime.now(UTC))
        self._exchange = ExchangeProcess("--ahead", str(shift.total_seconds()))
        self._url = self._exchange.start()
        settings = FeedSettings(
            urls={name: url for name, url in urls(self._url).items() if name in allowed},
            keys=Keys(lambda name: _KEY),
        )
        self.clock = lambda: datetime.now(UTC) + shift
        self.manager = RealTimeDataManager(
            settings, clock=self.clock, pace=pace, state=folder, polling=Polling(5.0)
        )
        self.manager.follow(self.instruments)

    def __enter__(self) -> Self:
        self.manager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.stop()
        self._exchange.stop()

    def order(self, order: Mapping[str, Any]) -> None:
        """Let the speaker's venue play a fault."""
        self._ask("POST", "/control/faults", {**order, "venue": venue_of(self.speaker)})

    def clear(self) -> None:
        """End every fault."""
        self._ask("DELETE", "/control/faults")

    def truth(self) -> dict[str, Decimal]:
        """The last price of each symbol as the market itself has it."""
        names = {each.provider_symbols[SIMULATED.name].upper(): each for each in self.instruments}
        told = self._ask("GET", "/control/prices")
        return {names[name].symbol: Decimal(price) for name, price in told.items() if name in names}

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        url = self._url.replace("ws://", "http://") + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read())
