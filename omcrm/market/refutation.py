"""Which sources of a symbol were contradicted, and for how long they are not believed after it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.market.comparison import Dispute
from omcrm.market.policy import Policy

# A source that is contradicted for the second time has to agree for so long, then for twice that.
_SETTLING = timedelta(seconds=0.5)
# Whether a source is outside its own book is seen so much later than that it is contradicted.
_SEEN_LATER = timedelta(seconds=1)
# A source that was not contradicted for so long begins anew.
_FORGIVEN_AFTER = timedelta(minutes=10)


class _Refutation(Struct):
    """Since when and until when a source was contradicted, by whom, and how often of late.

    `agreed_at` is since when it agrees with the others again; it `is_over` when that is long enough
    or no other source contradicts it.
    """

    began_at: datetime
    last_at: datetime
    opponents: frozenset[str]
    times: int = 1
    agreed_at: datetime | None = None
    is_over: bool = False

    def lasts(self, policy: Policy, wrong: Mapping[str, datetime], now: datetime) -> bool:
        """Whether the source is not believed yet."""
        if self.agreed_at is not None:
            return now - self.agreed_at < min(self._settling(), policy.longest_hold)
        since = self.began_at + _SEEN_LATER
        if all(name in wrong and wrong[name] <= since for name in self.opponents):
            return False
        return now - self.last_at < self.hold(policy)

    def hold(self, policy: Policy) -> timedelta:
        """For how long it is not believed without anybody to agree with."""
        lasted = self.last_at - self.began_at
        return min(max(lasted, policy.recovery_hold), policy.longest_hold)

    def _settling(self) -> timedelta:
        """For how long it has to agree: the first time not at all."""
        return _SETTLING * (1 << min(self.times - 2, 10)) if self.times > 1 else timedelta()


class Refutations:
    """Remembers which sources of a symbol were contradicted, so that no source is believed because
    those that contradict it have left. Not thread-safe.

    `by_agreement` is whether the last one ended because its source agrees with others again.
    """

    def __init__(self) -> None:
        self.by_agreement = True
        self._refuted: dict[str, _Refutation] = {}

    def lasting(
        self,
        present: Dispute | None,
        before: Dispute | None,
        live: Collection[str],
        wrong: Mapping[str, datetime],
        policy: Policy,
        now: datetime,
    ) -> Dispute | None:
        """What is left of the dispute `before`, with the `present` one of the sources that are
        live.

        A source that agrees with the others again is believed at once, but with every further
        dispute only after it has agreed for longer. Where no other one is live, it is believed
        after as long as it was contradicted, within the holds of the policy, and the next time
        after twice as long; at once where those that contradicted it have been `wrong` by
        themselves since the dispute began.
        """
        lasting: set[str] = set()
        if present is not None:
            lasting.update(present.contradicted)
            for name in present.contradicted:
                self._refute(name, present, policy, now)
        for name, refutation in self._refuted.items():
            if name in lasting or refutation.is_over:
                continue
            if refutation.agreed_at is None and name in live and len(live) > 1:
                refutation.agreed_at = now
            if refutation.lasts(policy, wrong, now):
                lasting.add(name)
            else:
                refutation.is_over = True
                self.by_agreement = refutation.agreed_at is not None
        last = present or before
        return Dispute(frozenset(lasting), last.rule, last.prices) if lasting and last else None

    def _refute(self, name: str, present: Dispute, policy: Policy, now: datetime) -> None:
        opponents = frozenset(other for other, _ in present.prices if other != name)
        before = self._refuted.get(name)
        if before is None or (before.is_over and now - before.last_at > _FORGIVEN_AFTER):
            self._refuted[name] = _Refutation(now, now, opponents)
            return
        if before.is_over:
            # Nobody agreed before: the next time it has to wait for twice as long.
            waited = 2 * before.hold(policy) if before.agreed_at is None else timedelta()
            before.times, before.began_at = before.times + 1, now - waited
        before.last_at, before.opponents = now, opponents
        before.agreed_at, before.is_over = None, False
