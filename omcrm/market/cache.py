"""The latest quote of each symbol, merged from what its sources say."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.market.clock import Clock
from omcrm.market.failover import Candidate, Failover, FailoverReason, choose, reason
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES, Policy, classify
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import (
    Quote,
    SourceQuote,
    merge,
    without_dead_parts,
    without_forgotten_book,
)
from omcrm.market.session import is_open
from omcrm.market.source import LAST_RESORT, SIMULATED, SourceHealth
from omcrm.market.tick import ON_TIME, Tick
from omcrm.market.validation import Validator

# More changes of speaker than can happen between two looks at them.
_MOST_SWITCHES = 20_000
# While the speaker's price is one of these, nobody else is looked at between two reviews.
_GOOD = (PriceClass.LIVE, PriceClass.CLOSED)


class _Health(Struct, frozen=True):
    condition: SourceHealth
    # Only statements of this connection or a later one come from a living stream.
    connection: int
    expected_until: datetime


class QuoteCache:
    """Holds one quote per followed symbol; every change gets the next sequence number.

    Thread-safe. It calls nobody: what changed is returned, and the caller tells the hub. Changes of
    speaker wait to be taken by `take_failovers`.
    """

    def __init__(
        self, clock: Clock, validator: Validator, policies: Mapping[AssetClass, Policy] = POLICIES
    ) -> None:
        self._clock = clock
        self._validator = validator
        self._policies = policies
        self._lock = threading.Lock()
        self._seq = 0
        self._instruments: dict[str, Instrument] = {}
        self._said: dict[str, dict[str, SourceQuote]] = {}
        self._health: dict[str, _Health] = {}
        self._quotes: dict[str, Quote] = {}
        # Since when a source has been fresh for a symbol without a break.
        self._fresh: dict[tuple[str, str], datetime] = {}
        self._switches: deque[Failover] = deque(maxlen=_MOST_SWITCHES)

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Take these instruments, and no others, from now on."""
        with self._lock:
            self._instruments = {instrument.symbol: instrument for instrument in instruments}
            for symbol in self._instruments:
                self._said.setdefault(symbol, {})
            for symbol in self._said.keys() - self._instruments.keys():
                for name in self._said.pop(symbol):
                    self._fresh.pop((symbol, name), None)
                self._quotes.pop(symbol, None)

    def apply(self, tick: Tick, ahead: timedelta = ON_TIME) -> Quote | None:
        """Take a tick in; the quote it changed, or None where nothing that is shown changed.

        `ahead` is as for `review`, which comes next.
        """
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
            others = (peer for peer in said.values() if peer.source is not tick.source)
            news = self._validator.validate(tick, held, others, policy)
            if news is None:
                return None
            said[name] = without_forgotten_book(merge(news, held), policy.max_age)
            return self._speak(instrument, policy, tick.received_at + ahead, name)

    def set_condition(
        self, source: str, condition: SourceHealth, connection: int = 0
    ) -> list[Quote]:
        """Note how a source is doing; the quotes whose class or speaker changes by that."""
        with self._lock:
            now, before = self._clock(), self._health.get(source)
            until = before.expected_until if before else now
            if condition is SourceHealth.PENDING:
                until = now + max(policy.settle for policy in self._policies.values())
            self._health[source] = _Health(condition, connection, until)
            return self._review(now)

    def review(self, ahead: timedelta = ON_TIME) -> list[Quote]:
        """Let time pass: the quotes whose class or speaker is another one by now.

        Who looks only now and then looks `ahead`, so that no price is called live for too long.
        """
        with self._lock:
            return self._review(self._clock() + ahead)

    def has_better(self, symbol: str, source: str) -> bool:
        """Whether a source that the policy prefers to this one has a fresh price."""
        with self._lock:
            instrument = self._instruments.get(symbol)
            if instrument is None:
                return False
            now, policy = self._clock(), self._policies[instrument.asset_class]
            said = self._said[symbol]
            better = (said.get(name) for name in policy.sources[: _place(policy.sources, source)])
            return any(
                held is not None
                and held.trade is not None
                and self._classify(held, instrument, policy, now).is_fresh
                for held in better
            )

    def get(self, symbol: str) -> Quote | None:
        """The quote of a symbol, if it has a price."""
        return self._quotes.get(symbol)

    def snapshot(self) -> dict[str, Quote]:
        """All quotes, by symbol."""
        with self._lock:
            return dict(self._quotes)

    def connection_of(self, source: str) -> int:
        """The number that whoever asks a source besides its poller gives to what it is told."""
        with self._lock:
            return self._alive_from(source)

    def take_failovers(self) -> list[Failover]:
        """The changes of speaker since the last time."""
        with self._lock:
            taken = list(self._switches)
            self._switches.clear()
            return taken

    def candidates(self, symbol: str) -> dict[str, Candidate]:
        """What every source says of a symbol now, in the policy's order."""
        with self._lock:
            instrument = self._instruments.get(symbol)
            if instrument is None:
                return {}
            policy = self._policies[instrument.asset_class]
            found = self._candidates(instrument, policy, self._clock())
            return {name: found[name] for name in policy.sources if name in found}

    def standby(self, symbol: str) -> str | None:
        """Who would speak for a symbol if the one who does were gone."""
        candidates, quote = self.candidates(symbol), self.get(symbol)
        if quote is not None:
            candidates.pop(quote.source.name, None)
        instrument = self._instruments.get(symbol)
        if instrument is None or not candidates:
            return None
        return choose(self._policies[instrument.asset_class], candidates, self._clock())

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
        if before is not None and heard not in (None, speaker) and _is_secure(before, str(heard)):
            # The next review looks at who else is there.
            return None
        if heard is None or heard != speaker:
            speaker = self._elect(instrument, policy, now)
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

    def _elect(self, instrument: Instrument, policy: Policy, now: datetime) -> str | None:
        """Who speaks now; a change of it is noted."""
        symbol, before = instrument.symbol, self._quotes.get(instrument.symbol)
        current = before.source.name if before else None
        candidates = self._candidates(instrument, policy, now)
        waiting = self._waits(instrument, now)
        speaker = choose(policy, candidates, now, current=current, waiting=waiting)
        if speaker is not None and speaker != current:
            old = candidates.get(current) if current is not None else None
            is_better = current is not None and _place(policy.sources, speaker) < _place(
                policy.sources, current
            )
            why = reason(old, candidates[speaker], is_better=is_better)
            if why is FailoverReason.STALE and current is not None and self._is_down(current):
                why = FailoverReason.DOWN
            silent = old.said.age(now) if old else None
            self._switches.append(Failover(self._clock(), symbol, current, speaker, why, silent))
        return speaker

    def _candidates(
        self, instrument: Instrument, policy: Policy, now: datetime
    ) -> dict[str, Candidate]:
        found = {}
        for name, said in self._said[instrument.symbol].items():
            if said.trade is None:
                continue
            price_class, key = self._classify(said, instrument, policy, now), (said.symbol, name)
            since = self._fresh.setdefault(key, now) if price_class.is_fresh else None
            if since is None:
                self._fresh.pop(key, None)
            health = self._health.get(name)
            settling = health is not None and now < health.expected_until
            found[name] = Candidate(said, price_class, since, settling)
        return found

    def _is_down(self, source: str) -> bool:
        health = self._health.get(source)
        return health is None or health.condition is not SourceHealth.HEALTHY

    def _alive_from(self, source: str) -> int:
        """The first connection of the source that has not ended."""
        health = self._health.get(source)
        return health.connection if health and health.condition is SourceHealth.HEALTHY else 0

    def _classify(
        self, said: SourceQuote, instrument: Instrument, policy: Policy, now: datetime
    ) -> PriceClass:
        health = self._health.get(said.source.name)
        streaming = (
            health is not None
            and health.condition is SourceHealth.HEALTHY
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
                and health.condition in (SourceHealth.PENDING, SourceHealth.HEALTHY)
                and now < health.expected_until
            ):
                return True
        return False


def _is_secure(before: Quote, heard: str) -> bool:
    """Whether a tick of somebody else cannot or need not replace what is shown."""
    invented = heard in (SIMULATED.name, LAST_RESORT.name)
    return before.price_class in _GOOD or (before.source.is_real and invented)


def _place(order: tuple[str, ...], source: str) -> int:
    """How many sources stand before this one."""
    return order.index(source) if source in order else len(order)
