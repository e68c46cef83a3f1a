"""The setup of a drill: the built-in exchange, every source's client connected to it, open
markets."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from omcrm.child import ExchangeProcess
from omcrm.feeds.keys import Keys
from omcrm.feeds.poller import Polling
from omcrm.feeds.registry import STREAMS, FeedSettings
from omcrm.feeds.timing import FeedClock, SupervisorTiming
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED
from omcrm.webtrader.realtime_data import RealTimeDataManager

# The path of each source at the exchange.
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
_TIMEOUT = 60.0
_INTERVAL = 0.1
_DAY = timedelta(days=1)
# A drill cannot wait an hour for a polled source.
_OFTEN = Polling(5.0)


def urls(exchange: str) -> dict[str, str]:
    """The address of every source at an exchange that listens at `exchange`, a ws:// URL."""
    plain = exchange.replace("ws://", "http://")
    return {name: (exchange if name in STREAMS else plain) + path for name, path in PATHS.items()}


def provider_of(source: str) -> str:
    """The exchange's name of the provider of a source."""
    return PATHS[source].strip("/").partition("/")[0] or "binance"


def opening_shift(
    instruments: Iterable[Instrument], now: datetime, hours: float = 0.0
) -> timedelta:
    """The whole hours by which a clock must differ for all markets of these to be open, now and
    after so many hours."""
    calendars = {instrument.calendar for instrument in instruments}
    later = (timedelta(), timedelta(minutes=30))
    needed = [*later, *(timedelta(hours=hours) + offset for offset in later)]
    for days in range(14):
        for hour in range(24):
            shift = -(days * _DAY + timedelta(hours=hour))
            if all(
                is_open(calendar, now + shift + after) for calendar in calendars for after in needed
            ):
                return shift
    raise AssertionError("no market was open in two weeks")


class DrillSetup:
    """Runs from `with` to its end; `active_source` is the policy's best source in the drill.

    Only instruments that this source has are followed; without one, every source and every
    instrument. Time passes `speed` times as fast as the wall clock; the markets are open at the
    beginning and after so many `hours`.
    """

    def __init__(
        self,
        active_source: str | None,
        folder: Path,
        speed: float = 1.0,
        hours: float = 0.0,
        polling: Polling = _OFTEN,
    ) -> None:
        self.active_source = active_source
        self.instruments = [
            instrument
            for instrument in CATALOGUE
            if active_source is None or active_source in instrument.provider_symbols
        ]
        self.feed_clock = FeedClock(speed)
        shift, since = opening_shift(self.instruments, datetime.now(UTC), hours), time.time()
        self.exchange = ExchangeProcess(
            *("--ahead", str(shift.total_seconds()), "--fast", str(speed)),
            *("--fast-since", str(since)),
        )
        self._url = self.exchange.start()
        self.settings = FeedSettings(
            urls={name: url for name, url in urls(self._url).items() if name in self._sources()},
            keys=Keys(lambda name: _KEY),
        )
        self.clock: Callable[[], datetime] = lambda: (
            datetime.now(UTC) + shift + timedelta(seconds=(time.time() - since) * (speed - 1))
        )
        self.manager = RealTimeDataManager(
            self.settings,
            clock=self.clock,
            timing=SupervisorTiming(feed_clock=self.feed_clock),
            state=folder,
            polling=polling,
        )
        self.manager.follow(self.instruments)

    def _sources(self) -> set[str]:
        """The drilled source and those behind it in the policies."""
        if self.active_source is None:
            return set(PATHS)
        classes = {instrument.asset_class for instrument in self.instruments}
        sources = [name for asset_class in classes for name in POLICIES[asset_class].sources]
        return set(sources[sources.index(self.active_source) :]) | {"exchangerate_open"}

    def __enter__(self) -> Self:
        self.manager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.stop()
        self.exchange.stop()

    def play(self, command: Mapping[str, Any], source: str | None = None) -> None:
        """Play a fault at the provider of a source, else of the active source."""
        provider = provider_of(source or str(self.active_source))
        self._ask("POST", "/control/faults", {**command, "venue": provider})

    def clear(self) -> None:
        """End every fault."""
        self._ask("DELETE", "/control/faults")

    def calls(self) -> dict[str, list[datetime]]:
        """The times of each provider's HTTP calls, by the market's clock."""
        answer: dict[str, list[int]] = self._ask("GET", "/control/calls")
        return {
            name: [datetime.fromtimestamp(time / 1000, UTC) for time in times]
            for name, times in answer.items()
        }

    def sleep(self, seconds: float) -> None:
        """Wait for so much of the setup's time."""
        time.sleep(seconds / self.feed_clock.speed)

    def truth(self) -> dict[str, Decimal]:
        """The last price of each symbol in the market."""
        names = {
            instrument.provider_symbols[SIMULATED.name].upper(): instrument
            for instrument in self.instruments
        }
        answer = self._ask("GET", "/control/prices")
        return {
            names[name].symbol: Decimal(price) for name, price in answer.items() if name in names
        }

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition becomes true within so much of the setup's time."""
        until = self.feed_clock.now() + seconds
        while not condition():
            if self.feed_clock.now() > until:
                return False
            time.sleep(_INTERVAL)
        return True

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        url = self._url.replace("ws://", "http://") + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read())
