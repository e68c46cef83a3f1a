"""The desk's connected pages, their subscriptions, and the limits of both."""

import threading
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from omcrm.errors import AccessRefused
from omcrm.streaming.rate_limiter import RateLimiter
from omcrm.streaming.rate_tier import Subscriber


class PageLimits(Struct, frozen=True):
    """The most pages of one user, and the most subscriptions of one page."""

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
    """All connected pages; thread-safe."""

    def __init__(self, limits: PageLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._pages: dict[str, PageSession] = {}
        self._pages_of_user: Counter[int] = Counter()
        self._has_sweeper = False

    def add(self, page: PageSession) -> bool:
        """Register a page; refused with LIMIT_EXCEEDED where its user has too many.

        True if the caller must start a session sweeper, which runs until `may_stop_sweeping`.
        """
        with self._lock:
            most = self.limits.connections_per_user
            if self._pages_of_user[page.user_id] >= most:
                raise AccessRefused(
                    "LIMIT_EXCEEDED", f"too many open pages ({most}): close one and reload", 429
                )
            self._pages[page.sid] = page
            self._pages_of_user[page.user_id] += 1
            had_sweeper, self._has_sweeper = self._has_sweeper, True
            return not had_sweeper

    def may_stop_sweeping(self) -> bool:
        """Whether the session sweeper may end, because no page is left."""
        with self._lock:
            self._has_sweeper = bool(self._pages)
            return not self._has_sweeper

    def remove(self, sid: str) -> PageSession | None:
        """Remove a page; its session, or None if it was not registered."""
        with self._lock:
            page = self._pages.pop(sid, None)
            if page is not None:
                self._pages_of_user[page.user_id] -= 1
                if not self._pages_of_user[page.user_id]:
                    del self._pages_of_user[page.user_id]
            return page

    def page(self, sid: str) -> PageSession | None:
        """The session of a connected page."""
        return self._pages.get(sid)

    def subscribe(self, page: PageSession, symbols: Iterable[str]) -> tuple[list[str], list[str]]:
        """Add symbols to a page: those accepted, and those refused beyond its limit."""
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

    def unsubscribe(self, page: PageSession, symbols: Iterable[str]) -> None:
        """Take symbols from a page."""
        with self._lock:
            page.symbols.difference_update(symbols)

    def session_hashes(self) -> set[str]:
        """The login sessions of all connected pages."""
        with self._lock:
            return {page.session_hash for page in self._pages.values()}

    def sids_of(self, session_hashes: Iterable[str]) -> list[str]:
        """The ids of the pages of these login sessions."""
        wanted = set(session_hashes)
        with self._lock:
            return [page.sid for page in self._pages.values() if page.session_hash in wanted]

    def counts(self) -> dict[str, int]:
        """The numbers of pages, users and subscriptions."""
        with self._lock:
            pages = list(self._pages.values())
        return {
            "connections": len(pages),
            "users": len({page.user_id for page in pages}),
            "subscriptions": sum(len(page.symbols) for page in pages),
        }

    def by_user(self) -> list[dict[str, int]]:
        """The numbers of pages and subscriptions of each user, for administrators."""
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
