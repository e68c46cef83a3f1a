"""The logins that were looked up within the last seconds: a connection needs no second look."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from omcrm.concurrency import native_lock

LIFETIME = 2.0
"""How long a look-up counts at most, in seconds: as long as the sweeper of ended logins waits."""

_MOST = 20_000
# So many logins are looked up at once, by one query.
_AT_ONCE = 200
# So long after a look-up begins the next one, in seconds; meanwhile others are announced.
_GATHERING = 0.02


Login = TypeVar("Login")


class RecentLogins(Generic[Login]):
    """Keeps the valid logins by the hash of their session; thread-safe, bounded.

    Who is about to connect is announced by `expect`, and looked up together with the next one that
    is not known: when thousands come back at once, one query serves many.

    `forget` drops one at once, or all: the sweeper does that before it looks at the clients'
    logins, so that no connection which it does not see is made by an older look.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = native_lock()
        # The oldest first.
        self._looked_up: OrderedDict[str, tuple[float, Login]] = OrderedDict()
        self._expected: dict[str, None] = {}
        self._began_at = -math.inf
        self._forgotten = 0

    def expect(self, session_hash: str) -> None:
        """Announce a login that will be asked for soon; it must be one that we have signed."""
        with self._lock:
            if len(self._expected) < _AT_ONCE:
                self._expected[session_hash] = None

    def find(
        self, session_hash: str, look_up: Callable[[Collection[str]], Mapping[str, Login]]
    ) -> Login | None:
        """The login, None where it is not valid; from memory, or by `look_up`, which returns the
        valid ones of several.
        """
        while True:
            now = self._clock()
            with self._lock:
                looked_up_at, known = self._looked_up.get(session_hash, (-math.inf, None))
                if looked_up_at > now - LIFETIME:
                    return known
                self._expected[session_hash] = None
                wait = self._began_at + _GATHERING - now
                if wait <= 0:
                    self._began_at = now
                    forgotten, expected = self._forgotten, self._expected
                    self._expected = {}
                    break
            self._sleep(wait)
        logins = look_up(expected.keys())
        self._keep(logins, now, forgotten)
        return logins.get(session_hash)

    def forget(self, session_hash: str | None = None) -> None:
        """Look this login, or all of them, up anew."""
        with self._lock:
            self._forgotten += 1
            if session_hash is None:
                self._looked_up.clear()
            else:
                self._looked_up.pop(session_hash, None)

    def __len__(self) -> int:
        return len(self._looked_up)

    def _keep(self, logins: Mapping[str, Login], now: float, forgotten: int) -> None:
        with self._lock:
            # A login that ended during the look-up must not be kept.
            if forgotten != self._forgotten:
                return
            for session_hash, login in logins.items():
                self._looked_up[session_hash] = (now, login)
                self._looked_up.move_to_end(session_hash)
            while len(self._looked_up) > _MOST:
                self._looked_up.popitem(last=False)
