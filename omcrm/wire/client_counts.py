"""How many clients are connected, what they are subscribed to, and what is delivered to them."""

from msgspec import UNSET, Struct, UnsetType, field


class UserClients(Struct, frozen=True, kw_only=True):
    """The connections and subscriptions of one user; `user_id` is null for all strangers."""

    user_id: int | None
    connections: int
    subscriptions: int


class PageCounts(Struct, frozen=True, kw_only=True):
    """How many pages of the desk are connected; the users one by one for administrators only."""

    connections: int
    users: int
    subscriptions: int
    by_user: list[UserClients] | UnsetType = UNSET


class ClientCounts(Struct, frozen=True, kw_only=True):
    """How many clients are connected, and the counters so far: of each dialect, and of refused
    handshakes by reason; the users one by one for administrators only.

    An owner is a user, or the address of strangers.
    """

    connections: int
    owners: int
    subscriptions: int
    dialects: dict[str, dict[str, int]]
    refused: dict[str, int]
    by_user: list[UserClients] | UnsetType = UNSET


class DeliveryCounts(Struct, frozen=True, kw_only=True):
    """Totals: quotes flushed, updates written, conflated, and skipped for slow readers."""

    quotes: int
    updates: int
    conflated: int
    skipped: int = field(name="missed")
