"""The logins that were looked up within the last seconds: a connection needs no second look."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from omcrm.concurrency import native_lock

LIFETIME = 2.0
"""How long a look-up counts at most, in seconds: as long as the sweeper of ended logins waits."""

_MOST = 20_000


Login = TypeVar("Login")


class RecentLogins(Generic[Login]):
    """Keeps the valid logins by the hash of their session; thread-safe, bounded.

    `forget` drops one at once, or all: the sweeper does that before it looks at the clients'
    logins, so that no connection which it does not see is made by an older look.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = native_lock()
        # The oldest first.
        self._looked_up: OrderedDict[str, tuple[float, Login]] = OrderedDict()
        self._forgotten = 0

    def find(self, session_hash: str, look_up: Callable[[], Login | None]) -> Login | None:
        """The login, from memory or by `look_up`; one that is not valid is not kept."""
        with self._lock:
            known = self._looked_up.get(session_hash)
            forgotten = self._forgotten
        now = self._clock()
        if known is not None and known[0] > now - LIFETIME:
            return known[1]
        login = look_up()
        if login is not None:
            self._keep(session_hash, login, now, forgotten)
        return login

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

    def _keep(self, session_hash: str, login: Login, now: float, forgotten: int) -> None:
        with self._lock:
            # A login that ended during the look-up must not be kept.
            if forgotten != self._forgotten:
                return
            self._looked_up.pop(session_hash, None)
            self._looked_up[session_hash] = (now, login)
            if len(self._looked_up) > _MOST:
                self._looked_up.popitem(last=False)
