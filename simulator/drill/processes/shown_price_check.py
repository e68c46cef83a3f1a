"""Compares every price that clients are shown with the market's, ten times a second."""

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from omcrm.market.instrument import Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from simulator.drill.market_history import MarketHistory
from simulator.drill.market_truth import MarketTruth
from simulator.drill.processes.watching_client import ShownPrice, WatchingClient
from simulator.drill.violation import Violation, ViolationKind

_INTERVAL = 0.1
# As in the drills of the feeds: what jitter may hide, how much later the truth is read than the
# price, and how far the market may move meanwhile.
_HIDDEN, _LATE, _TOLERATED = 1.5, 0.5, Decimal("0.004")
_REMEMBERED = 240.0
_MOST = 1000


class ShownPriceCheck:
    """Runs from `start` to `stop`; `wrong` lists what was shown as live although the market had
    left it longer ago than the maximum age and 1.5 s, `checked` counts the comparisons."""

    def __init__(
        self,
        clients: Sequence[WatchingClient],
        truth: MarketTruth,
        instruments: Iterable[Instrument],
    ) -> None:
        self.wrong: list[Violation] = []
        self.checked = 0
        self._clients, self._truth = clients, truth
        self._history = MarketHistory(_REMEMBERED)
        self._oldest = {
            item.symbol: POLICIES[item.asset_class].of(item.symbol).max_age.total_seconds()
            for item in instruments
        }
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shown-price-check", daemon=True)

    def start(self) -> None:
        """Check from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._done.wait(_INTERVAL):
                self.check(time.monotonic())
        except Exception as error:
            # A check that has ended finds nothing wrong.
            words = f"the check ended: {error!r}"
            self.wrong.append(Violation(ViolationKind.UNCHECKED, words))
            raise

    def check(self, now: float) -> None:
        """Compare all that is shown now (monotonic seconds)."""
        shown = [(client, client.shown) for client in self._clients]
        # Read after the prices, so that it cannot be older than they are.
        self._history.note(self._truth.ask(), now)
        for client, prices in shown:
            for symbol, price in prices.items():
                self.checked += 1
                is_live = price.price_class is PriceClass.LIVE
                if is_live and not self._was_true(symbol, price.price, now):
                    self._note(client, symbol, price, now)

    def _was_true(self, symbol: str, price: Decimal, now: float) -> bool:
        since = now - self._oldest[symbol] - _HIDDEN - _LATE
        return self._history.has_been(symbol, price, since, _TOLERATED)

    def _note(self, client: WatchingClient, symbol: str, price: ShownPrice, now: float) -> None:
        if len(self.wrong) < _MOST:
            words = (
                f"{symbol} live at {price.price} of {price.time or 'no time'},"
                f" received {now - price.received_at:.1f} s ago by a client of {client.home}"
                f" that connected {now - client.connected_at:.1f} s ago,"
                f" but the market is at {self._history.last(symbol)} and has left it"
                f" ({datetime.now(UTC):%H:%M:%S})"
            )
            self.wrong.append(Violation(ViolationKind.AGE, words))
