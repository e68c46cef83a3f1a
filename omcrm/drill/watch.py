"""Looks at every price that is shown, many times a second, as an honest trader would."""

import threading
import time
from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from msgspec import Struct

from omcrm.drill.scene import Scene
from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote

_LOOK_EVERY = 0.05
_TRUTH_EVERY = 0.25
_SLACK = 0.05
# The manager looks at what has become old about twice a second, on a busy machine less often.
_REVIEWED_WITHIN = 10.0
# The market moves between a look at the price and a look at the truth.
_WRONG = Decimal("0.05")


class Look(Struct, frozen=True):
    """Who spoke for each symbol at one moment (monotonic seconds), and how well."""

    at: float
    speakers: dict[str, tuple[str, PriceClass]]
    active: bool
    problem: str | None
    refused: int


class Watch:
    """Watches a scene in a thread of its own; `wrong` are prices shown as live that were not.

    `remember` is how many looks are kept. A price is too old if it was so at the manager's last
    review: a busy machine delays reviews, and more so where time passes faster. That there is one
    every few seconds is looked at, too.
    """

    def __init__(self, scene: Scene, remember: int | None = None) -> None:
        self.looks: deque[Look] = deque(maxlen=remember)
        self.wrong: list[str] = []
        self._scene = scene
        self._truth: dict[str, Decimal] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._reviewed = (scene.manager.engine.reviewed_at, time.monotonic())
        # What the operating system delays counts for more where time passes faster.
        self._way_slack = timedelta(seconds=(scene.feed_clock.speed - 1) * _SLACK)
        self._policies = {
            instrument.symbol: POLICIES[instrument.asset_class] for instrument in scene.instruments
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def all_live(self) -> bool:
        """Whether the scene's speaker speaks for every symbol, live."""
        if not self.looks:
            return False
        wanted = (self._scene.speaker, PriceClass.LIVE)
        speakers = self.looks[-1].speakers
        return all(
            speakers.get(instrument.symbol) == wanted for instrument in self._scene.instruments
        )

    def _run(self) -> None:
        asked_at = float("-inf")
        try:
            while not self._done.wait(_LOOK_EVERY):
                now = time.monotonic()
                if now - asked_at >= _TRUTH_EVERY:
                    self._truth, asked_at = self._scene.truth(), now
                self._look(now)
        except Exception as error:
            # Who does not look any more sees nothing wrong.
            self.wrong.append(f"the watch ended: {error!r}")
            raise

    def _look(self, now: float) -> None:
        manager = self._scene.manager
        self._note_review(manager.engine.reviewed_at, now)
        quotes = manager.cache.snapshot()
        for symbol, quote in quotes.items():
            problem = self._problem(quote, self._policies[symbol])
            if problem and len(self.wrong) < 1000:
                self.wrong.append(f"{symbol} {problem}")
        speaker = self._scene.speaker
        status = manager.status()[speaker] if speaker is not None else None
        speakers = {
            symbol: (quote.source.name, quote.price_class) for symbol, quote in quotes.items()
        }
        refused = sum(
            count for why, count in manager.engine.validator.rejected.items() if why != "older"
        )
        active, problem = (status.active, status.last_error) if status else (True, None)
        self.looks.append(Look(now, speakers, active, problem, refused))

    def _note_review(self, reviewed_at: datetime | None, now: float) -> None:
        if reviewed_at != self._reviewed[0]:
            self._reviewed = (reviewed_at, now)
        elif now - self._reviewed[1] > _REVIEWED_WITHIN:
            self.wrong.append(f"no review for {_REVIEWED_WITHIN:g} s")
            self._reviewed = (reviewed_at, now)

    def _problem(self, quote: Quote, policy: Policy) -> str | None:
        """What is wrong with a price that is shown as live; None where nothing is."""
        if quote.price_class is not PriceClass.LIVE:
            return None
        now = self._scene.clock()
        age = quote.age(min(now, self._scene.manager.engine.reviewed_at or now))
        if age > policy.max_age:
            return f"live, but {age.total_seconds():.2f} s old"
        way = _way(quote)
        if way is not None and way > policy.max_age + self._way_slack:
            return f"live, but {way.total_seconds():.1f} s on its way"
        truth = self._truth.get(quote.symbol)
        price = quote.last
        if truth is not None and abs(price - truth) > truth * _WRONG:
            return f"live at {price}, but the market is at {truth}"
        return None


def _way(quote: Quote) -> timedelta | None:
    """How long the last trade took to get here, by its own time; None for a shifted clock."""
    if quote.provider_time is None:
        return None
    way = quote.last_received_at - quote.provider_time
    return way if abs(way) < timedelta(minutes=10) else None
