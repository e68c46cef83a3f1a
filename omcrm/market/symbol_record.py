"""What is known of one symbol: what each source reported, and the quote that is shown."""

from collections import deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.market.comparison import Comparison, Dispute, Divergence
from omcrm.market.instrument import Instrument
from omcrm.market.policy import Policy
from omcrm.market.price_class import LIVE, PriceClass
from omcrm.market.quote import Quote
from omcrm.market.refutation import Refutations
from omcrm.market.session import is_open, last_close
from omcrm.market.source_quote import SourceQuote

# A book may lag behind a fast market for a moment.
_BESIDE_FOR = timedelta(seconds=2)
# A source that was good for so long has made up for its failures.
_FORGIVEN_AFTER = timedelta(minutes=10)
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


class SymbolRecord:
    """One symbol: what each source reported, and the quote that is shown of the active one."""

    __slots__ = (
        *("active", "changes", "comparison", "dispute", "divergence", "fresh_since"),
        *("instrument", "policy", "quote", "refutations", "sources"),
        *("_beside_since", "_failures"),
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
        # Since when the last price of each source lies outside its own book.
        self._beside_since: dict[str, datetime] = {}
        self._failures: dict[str, _Failures] = {}
        # Each change of the active source or of the class.
        self.changes: deque[ActiveSource] = deque(maxlen=_MOST_CHANGES)

    def history(self, now: datetime) -> tuple[ActiveSource, ...]:
        """The active sources of the last hour with the class of their prices, oldest first."""
        began, changes = now - _HISTORY, list(self.changes)
        over = sum(change.since <= began for change in changes[1:])
        return tuple(changes[over:])

    def drop_old_parts(self, now: datetime) -> None:
        """Drop books and day figures that are too old to stand beside a price."""
        if not is_open(self.instrument.calendar, now):
            return
        policy = self.policy
        for name, held in self.sources.items():
            left = held.without_old_parts(
                now, policy.max_book_age, policy.max_day_age, policy.max_beside
            )
            self.sources[name] = left
            self.note_beside(name, now, is_beside=left.is_beside_book(policy.max_beside))

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

    def note_beside(self, source: str, now: datetime, *, is_beside: bool) -> None:
        """Note whether the last price of this source lies outside its own book."""
        if is_beside:
            self._beside_since.setdefault(source, now)
        else:
            self._beside_since.pop(source, None)

    def is_beside_itself(self, source: str, now: datetime) -> bool:
        """Whether the source's last price has lain outside its own book for long."""
        since = self._beside_since.get(source)
        return since is not None and now - since >= _BESIDE_FOR

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
        wrong = {
            name: since
            for name, since in self._beside_since.items()
            if self.is_beside_itself(name, now)
        }
        self.dispute = self.refutations.lasting(present, before, live, wrong, policy, now)
        return (before and before.contradicted) != (self.dispute and self.dispute.contradicted)

    def is_contradicted(self, source: str, price_class: PriceClass, now: datetime) -> bool:
        """Whether other live sources contradict this one's price, or its own book does; of a closed
        one, whether they did at the close."""
        if price_class is not LIVE:
            if price_class is not PriceClass.CLOSED:
                return False
            now = last_close(self.instrument.calendar, now) or now
        if self.dispute is not None and source in self.dispute.contradicted:
            return True
        return source in self._beside_since and self.is_beside_itself(source, now)

    def is_compared(self, source: str, price_class: PriceClass, now: datetime) -> bool:
        """Whether a source's price of this class is compared with those of others: where it is live
        but for them, and beyond the close while they contradict each other."""
        if price_class is LIVE:
            return not self.is_beside_itself(source, now)
        return (
            price_class is PriceClass.CLOSED
            and self.dispute is not None
            and any(source == name for name, _ in self.dispute.prices)
        )
