"""What is known of one symbol: what each source reported, and the quote that is shown."""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.market.comparison import Comparison, Dispute, Divergence
from omcrm.market.instrument import Instrument
from omcrm.market.policy import Policy
from omcrm.market.price_class import LIVE, PriceClass
from omcrm.market.quote import Quote
from omcrm.market.refutation import Refutations
from omcrm.market.session import is_open
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick

# A book or summary may lag behind a fast market for a moment. Time in which they agree counts
# against that in which they do not, but less: one moment of agreement proves nothing.
_BESIDE_FOR, _BESIDE_UNTIL, _AGREEMENT_COUNTS = timedelta(seconds=2), timedelta(seconds=1), 1 / 3
# A price that was traded so long before what contradicts it is only old.
_QUIET = timedelta(seconds=1)
# A review counts at most so much time since the one before.
_LONGEST_STEP = timedelta(seconds=1)
# A source that was good for so long has made up for its failures.
_FORGIVEN_AFTER = timedelta(minutes=10)
# A source that streams says by its book where the market is, though its last price is old, or it
# has none yet.
_BY_BOOK = (LIVE, PriceClass.STALE, None)
# How long back the changes of the active source and of the class are known, and how many.
_HISTORY, _MOST_CHANGES = timedelta(hours=1), 500


class ActiveSource(Struct, frozen=True):
    """The active source and the class of its price from a moment on."""

    since: datetime
    source: str
    price_class: PriceClass


class _Failures(Struct):
    """How often a source was given up in short succession, and when last."""

    count: int
    at: datetime


class _OwnChannels(Struct):
    """How long a source's other channels have contradicted its last price, less a part of the time
    in which they agreed; `since` is when that began. `agreed` are the day figures that agreed last,
    `is_traded` is whether the source traded at the contradicted price in that time, and
    `trades_far_off` whether its last trade was further outside of its book than sources may be
    apart."""

    at: datetime
    since: datetime
    beside: timedelta = timedelta()
    is_lasting: bool = False
    is_traded: bool = False
    trades_far_off: bool = False
    agreed: DayFigures | None = None

    def note(self, held: SourceQuote, policy: Policy, now: datetime, *, is_outlying: bool) -> None:
        """Take the present state in; `is_outlying` where later books or trades are refused."""
        max_beside, is_quiet = policy.max_beside, _is_quiet(held)
        if not is_quiet:
            self.trades_far_off = held.is_beside_book(policy.max_divergence)
        is_beside = is_outlying or held.is_beside_book(max_beside)
        is_beside_figures = held.is_beside_figures(max_beside)
        if is_beside_figures is False:
            self.agreed = held.day
        elif is_beside_figures and (held.book is None or not self._stood_still(held.day)):
            is_beside = True
        step = min(max(now - self.at, timedelta()), _LONGEST_STEP)
        self.at = now
        if is_beside:
            if not self.beside:
                self.since = now
            self.beside = min(self.beside + step, _BESIDE_FOR)
            self.is_traded = self.is_traded or not is_quiet
        elif self.beside:
            left = self.beside - step * _AGREEMENT_COUNTS if self.is_traded else timedelta()
            self.beside = max(left, timedelta())
            self.is_traded = self.is_traded and bool(self.beside)
        self.is_lasting = self.beside >= (_BESIDE_UNTIL if self.is_lasting else _BESIDE_FOR)

    def _stood_still(self, day: DayFigures | None) -> bool:
        """Whether the figures are still those that agreed: then the price has moved on."""
        agreed = self.agreed
        return (
            day is not None
            and agreed is not None
            and (day.last, day.high, day.low, day.volume)
            == (agreed.last, agreed.high, agreed.low, agreed.volume)
        )


def _is_quiet(held: SourceQuote) -> bool:
    traded_at = held.trade_from.received_at if held.trade_from is not None else held.received_at
    return held.received_at - traded_at >= _QUIET


class SymbolRecord:
    """One symbol: what each source reported, and the quote that is shown of the active one."""

    __slots__ = (
        *("active", "changes", "comparison", "dispute", "divergence", "fresh_since"),
        *("instrument", "policy", "quote", "refutations", "sources"),
        *("_failures", "_own_channels"),
    )

    def __init__(self, instrument: Instrument, policy: Policy) -> None:
        self.instrument = instrument
        self.policy = policy
        self.sources: dict[str, SourceQuote] = {}
        # Since when each source has been fresh without a break.
        self.fresh_since: dict[str, datetime] = {}
        self.comparison, self.refutations = Comparison(), Refutations()
        self.dispute: Dispute | None = None
        self.divergence: Divergence | None = None
        self.quote: Quote | None = None
        # What `quote` was made of.
        self.active: SourceQuote | None = None
        self._own_channels: dict[str, _OwnChannels] = {}
        self._failures: dict[str, _Failures] = {}
        # Each change of the active source or of the class.
        self.changes: deque[ActiveSource] = deque(maxlen=_MOST_CHANGES)

    def history(self, now: datetime) -> tuple[ActiveSource, ...]:
        """The active sources of the last hour with the class of their prices, oldest first."""
        began, changes = now - _HISTORY, list(self.changes)
        over = sum(change.since <= began for change in changes[1:])
        return tuple(changes[over:])

    def review_parts(self, now: datetime, outlying: Collection[str] = ()) -> None:
        """Drop books and day figures that are too old to stand beside a price, and note which
        sources contradict themselves; `outlying` are those whose later books or trades are refused
        as too far."""
        if not is_open(self.instrument.calendar, now):
            return
        policy = self.policy
        for name, held in self.sources.items():
            left = held.without_old_parts(
                now, policy.max_book_age, policy.max_day_age, policy.max_beside
            )
            self.sources[name] = left
            channels = self._own_channels.get(name)
            if channels is None:
                channels = self._own_channels[name] = _OwnChannels(now, now)
            channels.note(left, policy, now, is_outlying=name in outlying)

    def note_failure(self, source: str, now: datetime) -> None:
        """Note that this source was given up."""
        before = self._failures.get(source)
        self._failures[source] = _Failures(before.count + 1 if before else 1, now)

    def recovery_hold(self, source: str, now: datetime) -> timedelta:
        """How long the source must be good before it is active again: longer with each failure."""
        hold, failures = self.policy.recovery_hold, self._failures.get(source)
        if failures is None:
            return hold
        if now - failures.at > _FORGIVEN_AFTER:
            del self._failures[source]
            return hold
        doubled = hold * (1 << min(failures.count - 1, 10))
        return max(hold, min(doubled, self.policy.longest_hold))

    def is_beside_itself(self, source: str) -> bool:
        """Whether other channels of the source have contradicted its last price for long."""
        channels = self._own_channels.get(source)
        return channels is not None and channels.is_lasting

    def forget_own_channels(self, source: str) -> None:
        """Forget what contradicted the source's last price: it has another one now, which its
        channels have not said anything about yet."""
        self._own_channels.pop(source, None)

    def decide_dispute(
        self, live: Mapping[str, SourceQuote], frozen: Collection[str], now: datetime
    ) -> bool:
        """Decide which sources are not live because others contradict them, or did a while ago;
        whether these are others than before. Those `frozen` stand still with all their symbols."""
        policy, present = self.policy, None
        if len(live) > 1:
            present = self.comparison.dispute(live, policy.max_divergence, frozen)
        before = self.dispute
        if present is None and before is None:
            return False
        # What a source says by its book contradicts all the same.
        wrong = {
            name: channels.since
            for name, channels in self._own_channels.items()
            if channels.is_lasting and name not in live
        }
        self.dispute = self.refutations.lasting(present, before, live, wrong, policy, now)
        return (before and before.contradicted) != (self.dispute and self.dispute.contradicted)

    def is_contradicted(self, source: str, price_class: PriceClass) -> bool:
        """Whether other live sources contradict this one's price, or its own channels; of a closed
        one, whether they did at the close."""
        if price_class is not LIVE and price_class is not PriceClass.CLOSED:
            return False
        if self.dispute is not None and source in self.dispute.contradicted:
            return True
        return self.is_beside_itself(source)

    def compared(
        self,
        classes: Mapping[str, PriceClass],
        is_alive: Callable[[Tick | None], bool],
        now: datetime,
    ) -> dict[str, SourceQuote]:
        """What is compared: the prices of the sources that are live but for others, and what the
        books say of those that trade too seldom, or outside of their book."""
        compared = {}
        for name, held in self.sources.items():
            price_class = classes.get(name)
            if price_class is not None and self._is_compared(name, price_class):
                compared[name] = held
            elif price_class in _BY_BOOK and held.source.claim is LIVE and is_alive(held.book_from):
                by_book = self._by_book(name, held, now)
                if by_book is not None:
                    compared[name] = by_book
        return compared

    def _by_book(self, name: str, held: SourceQuote, now: datetime) -> SourceQuote | None:
        """What a source says by its book; None where it has no narrow one of now, or has traded
        far outside of it: then nobody knows what it says."""
        policy, channels = self.policy, self._own_channels.get(name)
        if held.trade is None and not is_open(self.instrument.calendar, now):
            return None
        by_book = held.by_book(now, policy.max_age, policy.max_beside)
        return None if channels is not None and channels.trades_far_off else by_book

    def _is_compared(self, source: str, price_class: PriceClass) -> bool:
        """Whether a source's price of this class is compared with those of others: where it is live
        but for them, and beyond the close while they contradict each other."""
        if price_class is LIVE:
            return not self.is_beside_itself(source)
        return (
            price_class is PriceClass.CLOSED
            and self.dispute is not None
            and any(source == name for name, _ in self.dispute.prices)
        )
