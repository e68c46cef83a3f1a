"""Keeps an engine that is not started by viewers as it should be: running here, or not."""

import logging
import threading
from collections.abc import Callable, Iterable

from msgspec import Struct

from omcrm.engine.bus import Bus, Control, Holdings
from omcrm.engine.engine_lock import EngineLock
from omcrm.engine.feed_engine import FeedEngine
from omcrm.market.instrument import Instrument

_log = logging.getLogger(__name__)

# Seconds between two looks at the lock, and at the database.
_LOOK_EVERY, _READ_EVERY = 0.25, 2.0


class EngineOrders(Struct, frozen=True):
    """What the database wants of the engine."""

    instruments: list[Instrument]
    are_stopped: bool
    held: frozenset[str]


class EngineRunner:
    """Runs the feeds while the lock allows it and no administrator has stopped them.

    `read` gives the orders, None where the database cannot be read: then the last ones hold.
    """

    def __init__(
        self,
        bus: Bus,
        engine: FeedEngine,
        lock: EngineLock,
        read: Callable[[], EngineOrders | None],
        follow: Callable[[Iterable[Instrument]], None],
    ) -> None:
        self._bus = bus
        self._engine = engine
        self._lock = lock
        self._read = read
        self._follow = follow
        self._orders: EngineOrders | None = None
        self._looks = 0
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        bus.subscribe(Control, self._control)

    def start(self) -> None:
        """Begin, in the background; twice is once."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the feeds."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            self._woken.set()
            thread.join()
            self._lock.close()
            self._engine.stop()

    def wake(self) -> None:
        """Look again at once: the lock may have changed."""
        self._woken.set()

    def _control(self, control: Control) -> None:
        # Whoever sends it has written to the database what it is about.
        self._looks = 0
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                self._step()
            except Exception:
                _log.exception("running the feeds failed")
            self._woken.wait(_LOOK_EVERY)

    def _step(self) -> None:
        self._obey()
        orders, engine = self._orders, self._engine
        is_lost = engine.running and not self._lock.holds()
        if is_lost or (orders is not None and orders.are_stopped):
            engine.stop()
        elif orders is not None:
            engine.start()

    def _obey(self) -> None:
        """Read the orders now and then; follow the instruments of the database."""
        is_due = self._looks <= 0
        self._looks = round(_READ_EVERY / _LOOK_EVERY) if is_due else self._looks - 1
        if not is_due or (orders := self._read()) is None:
            return
        before, self._orders = self._orders, orders
        if before is None or before.instruments != orders.instruments:
            self._follow(orders.instruments)
        if before is None or before.held != orders.held:
            self._bus.publish(Holdings(orders.held))
