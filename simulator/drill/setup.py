"""The setup of a drill: the built-in exchange, every source's client connected to it, open
markets."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from omcrm.child import ExchangeProcess
from omcrm.feeds.declaration import FeedAddress
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.registry import POLLS, PROVIDERS, STREAMS
from omcrm.feeds.timing import FeedClock, SupervisorTiming
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.session import is_open, session_state
from omcrm.webtrader.realtime_data import RealTimeDataManager
from simulator.drill.market_history import PriceRange
from simulator.drill.market_truth import MarketTruth, ask_exchange

ADDRESSES: Mapping[str, FeedAddress] = {
    address.name: address for declaration in PROVIDERS.values() for address in declaration.addresses
}
"""By the name that it has in the settings of the feeds."""

_KEY = "a-key-of-the-drill"
_INTERVAL = 0.1
_DAY = timedelta(days=1)
# A drill cannot wait an hour for a polled source.
_OFTEN = Polling(5.0)


def urls(exchange: str) -> dict[str, str]:
    """Every address at an exchange that listens at `exchange`, a ws:// URL."""
    return {
        name: exchange.replace("ws://", f"{address.schemes[0]}://") + address.at_exchange
        for name, address in ADDRESSES.items()
    }


def venue_of(source: str) -> str:
    """The exchange's name of the provider of a source."""
    return {**STREAMS, **POLLS}[source].venue


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


def closing_shift(instruments: Iterable[Instrument], now: datetime, seconds: float) -> timedelta:
    """How much a clock must differ for the first market of these to close after so many seconds,
    while all others are open; raises ValueError where none of them closes."""
    calendars = {instrument.calendar for instrument in instruments}
    open_at = now + opening_shift(instruments, now)
    closings = [session_state(calendar, open_at).closes_at for calendar in calendars]
    closes_at = min((closing for closing in closings if closing is not None), default=None)
    if closes_at is None:
        raise ValueError("none of these markets ever closes")
    return closes_at - timedelta(seconds=seconds) - now


class DrillSetup:
    """Runs from `with` to its end; `active_source` is the policy's best source in the drill, and
    `usual_class` the class of its prices.

    Only instruments that this source has are followed; without one, every source and every
    instrument. Time passes `speed` times as fast as the wall clock; the markets are open at the
    beginning and after so many `hours`, or the first of them closes after `closes_in` seconds.

    `streams` is how many streams of a symbol there are at most, with none over HTTP; without it all
    sources that are less preferred. If the market `swings`, its prices move enough to tell an old
    one from the present one.
    """

    def __init__(
        self,
        active_source: str | None,
        folder: Path,
        speed: float = 1.0,
        hours: float = 0.0,
        polling: Polling = _OFTEN,
        *,
        streams: int | None = None,
        swings: bool = False,
        closes_in: float | None = None,
    ) -> None:
        self.active_source = active_source
        self._most_streams = streams
        polled = POLLS.get(active_source or "")
        self.usual_class = polled.poll.source.claim if polled and polled.poll else PriceClass.LIVE
        self.instruments = [
            instrument
            for instrument in map(with_usual_names, CATALOGUE)
            if active_source is None or active_source in instrument.provider_symbols
        ]
        self.feed_clock = FeedClock(speed)
        now, since = datetime.now(UTC), time.time()
        if closes_in is None:
            shift = opening_shift(self.instruments, now, hours)
        else:
            shift = closing_shift(self.instruments, now, closes_in)
        self.closes_at = None if closes_in is None else time.monotonic() + closes_in
        self.exchange = ExchangeProcess(
            *("--ahead", str(shift.total_seconds()), "--fast", str(speed)),
            *("--fast-since", str(since), *(("--swing",) if swings else ())),
        )
        self._url = self.exchange.start()
        # The history before the start is invented.
        self._truth = MarketTruth(self._url, self.instruments, now + shift)
        self.settings = FeedSettings(
            urls={name: url for name, url in urls(self._url).items() if name in self._addresses()},
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

    def _addresses(self) -> set[str]:
        """Those of the drilled source's provider and of those behind it in the policies."""
        if self.active_source is None:
            return set(ADDRESSES)
        behind = {name for order in self._orders() for name in order}
        seconds = {
            address.name
            for name, item in PROVIDERS.items()
            if name in behind
            for address in item.addresses
            if address.name not in item.labels
        }
        return behind | seconds

    def _orders(self) -> Iterator[tuple[str, ...]]:
        """The drilled source and those behind it, in the order of each policy that has it."""
        for policy in POLICIES.values():
            if self.active_source in policy.sources:
                order = policy.sources[policy.sources.index(str(self.active_source)) :]
                if self._most_streams is not None:
                    order = tuple(name for name in order if name in STREAMS)[: self._most_streams]
                yield order

    def erring(self, number: int) -> frozenset[str]:
        """The first sources of each order, which fail alike in a drill."""
        return frozenset(name for order in self._orders() for name in order[:number])

    def streams_of(self, instrument: Instrument) -> list[str]:
        """The streams that have prices of an instrument here."""
        return [
            name
            for name in POLICIES[instrument.asset_class].sources
            if name in STREAMS
            and name in self.settings.urls
            and name in instrument.provider_symbols
        ]

    def all_streaming(self) -> bool:
        """Whether every stream has a price of each of its instruments."""
        consolidator = self.manager.engine.consolidator
        for instrument in self.instruments:
            quotes = consolidator.quotes_by_source(instrument.symbol)
            if not quotes.keys() >= set(self.streams_of(instrument)):
                return False
        return True

    def __enter__(self) -> Self:
        self.manager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.stop()
        self.exchange.stop()

    def play(self, command: Mapping[str, Any], source: str | None = None) -> None:
        """Play a fault at the provider of a source, else of the active source."""
        venue = venue_of(source or str(self.active_source))
        self._ask("POST", "/control/faults", {**command, "venue": venue})

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

    def truth(self) -> dict[str, PriceRange]:
        """The prices of each symbol in the market since the last call."""
        return self._truth.ask()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition becomes true within so much of the setup's time."""
        until = self.feed_clock.now() + seconds
        while not condition():
            if self.feed_clock.now() > until:
                return False
            time.sleep(_INTERVAL)
        return True

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return ask_exchange(self._url, method, path, body)
