"""What a dialect is: the part of a raw WebSocket that is another for each kind of program."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from omcrm.auth.credential import Unidentified
from omcrm.auth.scope import Scope
from omcrm.errors import MessageRefused
from omcrm.market.quote import Quote
from omcrm.web.market_access import MarketAccess

if TYPE_CHECKING:
    from omcrm.gateways.client_connection import ClientConnection


class Dialect(ABC):
    """One way of speaking, for all clients of an app that speak it; there is one object of each.

    `opened`, `received` and `closed` are called one after the other for each client, for different
    clients at the same time, inside of an app context, and may take their time. What belongs to a
    single client is kept in `client.state`.
    """

    name: ClassVar[str]
    """In counts and logs."""

    path: ClassVar[str]
    """Where it is mounted; `/profile/<symbol>` puts `symbol` into `client.arguments`."""

    scope: ClassVar[Scope] = Scope.MARKET_READ
    """What a token needs to come in."""

    session_ended: ClassVar[str] = "Session ended"
    """The reason of the close when a client's login or token ends."""

    def __init__(self, market: MarketAccess) -> None:
        self.market = market

    def opened(self, client: "ClientConnection") -> None:  # noqa: B027
        """A client has come: the first thing to be said, if there is one."""

    @abstractmethod
    def received(self, client: "ClientConnection", text: str) -> None:
        """Act on a message; raises MessageRefused for one that is wrong."""

    @abstractmethod
    def error(self, refusal: MessageRefused) -> str:
        """The message that tells a client what was wrong."""

    def quote(self, quote: Quote) -> str:
        """The message that tells a price, for those who `client.watch`; made once for all."""
        raise NotImplementedError

    def facts(self, quote: Quote) -> Hashable:
        """What of a price is worth a message when it changes; None where each price is."""
        return None

    def closed(self, client: "ClientConnection") -> None:  # noqa: B027
        """A client has gone; the last call."""

    def late_refusal(self, refused: Unidentified) -> str | None:
        """The reason to close with after the upgrade, for dialects that do not refuse in HTTP."""
        return None
