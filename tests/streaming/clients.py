"""Client sessions without a connection."""

from msgspec import Struct

from omcrm.streaming.client_session import ClientLimits, ClientSession


class Owner(Struct, frozen=True):
    """An identity."""

    user_id: int
    handle: str = "token:1"


class IdleClient(ClientSession):
    """A client that notes that its login has ended."""

    is_ended = False

    def end_login(self) -> None:
        self.is_ended = True


def client_of(
    user_id: int, handle: str = "token:1", *, dialect: str = "echo", **limits: object
) -> IdleClient:
    """A client of a user; five connections of a user are allowed, and fifty subscriptions."""
    return IdleClient(dialect, Owner(user_id, handle), "", _limits(limits))


def stranger(address: str, **limits: object) -> IdleClient:
    """An anonymous client."""
    return IdleClient("echo", None, address, _limits(limits))


def _limits(limits: dict[str, object]) -> ClientLimits:
    return ClientLimits(**{"connections": 5, "subscriptions": 50, **limits})  # type: ignore[arg-type]
