"""Who is connected to the desk, what each page watches, and the limits of both."""

import threading
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from omcrm.errors import AccessRefused
from omcrm.streaming.rate_limiter import RateLimiter
from omcrm.streaming.rate_tier import Subscriber


class PageLimits(Struct, frozen=True):
    """How much one user and one page may have."""

    connections_per_user: int
    subscriptions: int


class PageSession:
    """One connected page."""

    def __init__(self, sid: str, user_id: int, session_hash: str, is_admin: bool) -> None:
        self.sid = sid
        self.user_id = user_id
        self.session_hash = session_hash
        self.is_admin = is_admin
        self.symbols: set[str] = set()
        self.subscriber: Subscriber | None = None
        self.limiter = RateLimiter()


class PageRegistry:
    """The seats of all connected pages; thread-safe."""

    def __init__(self, limits: PageLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._pages: dict[str, PageSession] = {}
        self._taken: Counter[int] = Counter()
        self._guarded = False

    def enter(self, page: PageSession) -> bool:
        """Give a page its seat; refused with LIMIT_EXCEEDED where its user has too many.

        True where a guard must be started, who looks after the sessions until `may_rest`.
        """
        with self._lock:
            most = self.limits.connections_per_user
            if self._taken[page.user_id] >= most:
                raise AccessRefused(
                    "LIMIT_EXCEEDED", f"too many open pages ({most}): close one and reload", 429
                )
            self._pages[page.sid] = page
            self._taken[page.user_id] += 1
            guarded, self._guarded = self._guarded, True
            return not guarded

    def may_rest(self) -> bool:
        """Whether the guard may go, because nobody is left."""
        with self._lock:
            self._guarded = bool(self._pages)
            return not self._guarded

    def leave(self, sid: str) -> PageSession | None:
        """The page is gone; the seat it had."""
        with self._lock:
            page = self._pages.pop(sid, None)
            if page is not None:
                self._taken[page.user_id] -= 1
                if not self._taken[page.user_id]:
                    del self._taken[page.user_id]
            return page

    def page(self, sid: str) -> PageSession | None:
        """The seat of a connected page."""
        return self._pages.get(sid)

    def watch(self, page: PageSession, symbols: Iterable[str]) -> tuple[list[str], list[str]]:
        """Add symbols to what a page watches: those accepted, and those beyond its limit."""
        accepted: list[str] = []
        refused: list[str] = []
        with self._lock:
            for symbol in symbols:
                if symbol not in page.symbols and len(page.symbols) >= self.limits.subscriptions:
                    refused.append(symbol)
                else:
                    page.symbols.add(symbol)
                    accepted.append(symbol)
        return accepted, refused

    def unwatch(self, page: PageSession, symbols: Iterable[str]) -> None:
        """Take symbols from what a page watches."""
        with self._lock:
            page.symbols.difference_update(symbols)

    def session_hashes(self) -> set[str]:
        """The sessions that have a page open."""
        with self._lock:
            return {page.session_hash for page in self._pages.values()}

    def sids_of(self, session_hashes: Iterable[str]) -> list[str]:
        """The pages of these sessions."""
        wanted = set(session_hashes)
        with self._lock:
            return [page.sid for page in self._pages.values() if page.session_hash in wanted]

    def counts(self) -> dict[str, int]:
        """How many pages, users and subscriptions there are."""
        with self._lock:
            pages = list(self._pages.values())
        return {
            "connections": len(pages),
            "users": len({page.user_id for page in pages}),
            "subscriptions": sum(len(page.symbols) for page in pages),
        }

    def by_user(self) -> list[dict[str, int]]:
        """The same for each user, for administrators."""
        with self._lock:
            pages = list(self._pages.values())
        users = sorted({page.user_id for page in pages})
        return [
            {
                "user_id": user,
                "connections": sum(page.user_id == user for page in pages),
                "subscriptions": sum(len(page.symbols) for page in pages if page.user_id == user),
            }
            for user in users
        ]
