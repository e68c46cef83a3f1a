"""The latest quote of each symbol, merged from what its sources say."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from omcrm.market.clock import Clock
from omcrm.market.gate import Gate
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES, Policy, classify
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, Statement, merge, without_dead_parts
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED, Condition
from omcrm.market.speaker import choose
from omcrm.market.tick import Tick


class _Health(Struct, frozen=True):
    condition: Condition
    # Only statements of this connection or a later one come from a living stream.
    connection: int
    expected_until: datetime


class QuoteCache:
    """Holds one quote per followed symbol; every change gets the next sequence number.

    Thread-safe. It calls nobody: what changed is returned, and the caller tells the hub.
    """

    def __init__(
        self, clock: Clock, gate: Gate, policies: Mapping[AssetClass, Policy] = POLICIES
    ) -> None:
        self._clock = clock
        self._gate = gate
        self._policies = policies
        self._lock = threading.Lock()
        self._seq = 0
        self._instruments: dict[str, Instrument] = {}
        self._said: dict[str, dict[str, Statement]] = {}
        self._health: dict[str, _Health] = {}
        self._quotes: dict[str, Quote] = {}

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Take these instruments, and no others, from now on."""
        with self._lock:
            self._instruments = {each.symbol: each for each in instruments}
            for symbol in self._instruments:
                self._said.setdefault(symbol, {})
            for symbol in self._said.keys() - self._instruments.keys():
                del self._said[symbol]
                self._quotes.pop(symbol, None)

    def offer(self, tick: Tick) -> Quote | None:
        """Take a tick in; the quote it changed, or None where nothing that is shown changed."""
        with self._lock:
            instrument = self._instruments.get(tick.symbol)
            if instrument is None:
                return None
            said, name = self._said[tick.symbol], tick.source.name
            policy = self._policies[instrument.asset_class]
            alive_from = self._alive_from(name)
            if tick.connection < alive_from:
                return None
            held = said.get(name)
            if held is not None:
                held = without_dead_parts(held, alive_from)
            others = (each for each in said.values() if each.source is not tick.source)
            news = self._gate.judge(tick, held, others, policy)
            if news is None:
                return None
            said[name] = merge(news, held)
            return self._speak(instrument, policy, tick.received_at, name)

    def set_condition(self, source: str, condition: Condition, connection: int = 0) -> list[Quote]:
        """Note how a source is doing; the quotes whose class or speaker changes by that."""
        with self._lock:
            now, before = self._clock(), self._health.get(source)
            until = before.expected_until if before else now
            if condition is Condition.PENDING:
                until = now + max(policy.settle for policy in self._policies.values())
            self._health[source] = _Health(condition, connection, until)
            return self._review(now)

    def review(self) -> list[Quote]:
        """Let time pass: the quotes whose class or speaker is another one by now."""
        with self._lock:
            return self._review(self._clock())

    def get(self, symbol: str) -> Quote | None:
        """The quote of a symbol, if it has a price."""
        return self._quotes.get(symbol)

    def snapshot(self) -> dict[str, Quote]:
        """All quotes, by symbol."""
        with self._lock:
            return dict(self._quotes)

    # Called with the lock held

    def _review(self, now: datetime) -> list[Quote]:
        changed = []
        for instrument in self._instruments.values():
            quote = self._speak(instrument, self._policies[instrument.asset_class], now)
            if quote is not None:
                changed.append(quote)
        return changed

    def _speak(
        self, instrument: Instrument, policy: Policy, now: datetime, heard: str | None = None
    ) -> Quote | None:
        """The next quote of the symbol if it changes: `heard` names the source of a new tick."""
        before = self._quotes.get(instrument.symbol)
        speaker = before.source.name if before else None
        if heard is None or heard != speaker:
            speaker = self._choose(instrument, policy, now)
        if speaker is None or (heard is not None and heard != speaker):
            return None
        said = self._said[instrument.symbol][speaker]
        if said.trade is None:
            return None
        price_class = self._classify(said, instrument, policy, now)
        if before and before.said is said and before.price_class is price_class:
            return None
        self._seq += 1
        quote = Quote(instrument.symbol, self._seq, price_class, said)
        self._quotes[instrument.symbol] = quote
        return quote

    def _alive_from(self, source: str) -> int:
        """The first connection of the source that has not ended."""
        health = self._health.get(source)
        return health.connection if health and health.condition is Condition.HEALTHY else 0

    def _choose(self, instrument: Instrument, policy: Policy, now: datetime) -> str | None:
        said = {
            name: each
            for name, each in self._said[instrument.symbol].items()
            if each.trade is not None
        }
        classes = {
            name: self._classify(each, instrument, policy, now) for name, each in said.items()
        }
        return choose(policy.sources, said, classes, waiting=self._waits(instrument, now))

    def _classify(
        self, said: Statement, instrument: Instrument, policy: Policy, now: datetime
    ) -> PriceClass:
        health = self._health.get(said.source.name)
        streaming = (
            health is not None
            and health.condition is Condition.HEALTHY
            and said.trade_from is not None
            and said.trade_from.connection >= health.connection
        )
        market_open = is_open(instrument.asset_class, now)
        return classify(said, policy, now, streaming=streaming, market_open=market_open)

    def _waits(self, instrument: Instrument, now: datetime) -> bool:
        for name in instrument.provider_symbols:
            health = self._health.get(name)
            if (
                health is not None
                and name != SIMULATED.name
                and health.condition in (Condition.PENDING, Condition.HEALTHY)
                and now < health.expected_until
            ):
                return True
        return False
