"""Who is connected to the desk, what each page watches, and the limits of both."""

import threading
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from omcrm.errors import AccessRefused
from omcrm.streaming.lane import Subscriber
from omcrm.streaming.manners import Manners


class DeskLimits(Struct, frozen=True):
    """How much one user and one page may have."""

    connections_per_user: int
    subscriptions: int


class Seat:
    """One connected page."""

    def __init__(self, sid: str, user_id: int, session_hash: str, is_admin: bool) -> None:
        self.sid = sid
        self.user_id = user_id
        self.session_hash = session_hash
        self.is_admin = is_admin
        self.symbols: set[str] = set()
        self.subscriber: Subscriber | None = None
        self.manners = Manners()


class Desk:
    """The seats of all connected pages; thread-safe."""

    def __init__(self, limits: DeskLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._seats: dict[str, Seat] = {}
        self._taken: Counter[int] = Counter()
        self._guarded = False

    def sit(self, seat: Seat) -> bool:
        """Give a page its seat; refused with LIMIT_EXCEEDED where its user has too many.

        True where a guard must be started, who looks after the sessions until `may_rest`.
        """
        with self._lock:
            most = self.limits.connections_per_user
            if self._taken[seat.user_id] >= most:
                raise AccessRefused(
                    "LIMIT_EXCEEDED", f"too many open pages ({most}): close one and reload", 429
                )
            self._seats[seat.sid] = seat
            self._taken[seat.user_id] += 1
            guarded, self._guarded = self._guarded, True
            return not guarded

    def may_rest(self) -> bool:
        """Whether the guard may go, because nobody is left."""
        with self._lock:
            self._guarded = bool(self._seats)
            return not self._guarded

    def leave(self, sid: str) -> Seat | None:
        """The page is gone; the seat it had."""
        with self._lock:
            seat = self._seats.pop(sid, None)
            if seat is not None:
                self._taken[seat.user_id] -= 1
                if not self._taken[seat.user_id]:
                    del self._taken[seat.user_id]
            return seat

    def seat(self, sid: str) -> Seat | None:
        """The seat of a connected page."""
        return self._seats.get(sid)

    def watch(self, seat: Seat, symbols: Iterable[str]) -> tuple[list[str], list[str]]:
        """Add symbols to what a page watches: those accepted, and those beyond its limit."""
        accepted: list[str] = []
        refused: list[str] = []
        with self._lock:
            for symbol in symbols:
                if symbol not in seat.symbols and len(seat.symbols) >= self.limits.subscriptions:
                    refused.append(symbol)
                else:
                    seat.symbols.add(symbol)
                    accepted.append(symbol)
        return accepted, refused

    def unwatch(self, seat: Seat, symbols: Iterable[str]) -> None:
        """Take symbols from what a page watches."""
        with self._lock:
            seat.symbols.difference_update(symbols)

    def session_hashes(self) -> set[str]:
        """The sessions that have a page open."""
        with self._lock:
            return {seat.session_hash for seat in self._seats.values()}

    def sids_of(self, session_hashes: Iterable[str]) -> list[str]:
        """The pages of these sessions."""
        wanted = set(session_hashes)
        with self._lock:
            return [seat.sid for seat in self._seats.values() if seat.session_hash in wanted]

    def counts(self) -> dict[str, int]:
        """How many pages, users and subscriptions there are."""
        with self._lock:
            seats = list(self._seats.values())
        return {
            "connections": len(seats),
            "users": len({seat.user_id for seat in seats}),
            "subscriptions": sum(len(seat.symbols) for seat in seats),
        }

    def by_user(self) -> list[dict[str, int]]:
        """The same for each user, for administrators."""
        with self._lock:
            seats = list(self._seats.values())
        users = sorted({seat.user_id for seat in seats})
        return [
            {
                "user_id": user,
                "connections": sum(seat.user_id == user for seat in seats),
                "subscriptions": sum(len(seat.symbols) for seat in seats if seat.user_id == user),
            }
            for user in users
        ]
