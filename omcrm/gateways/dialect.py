"""The interface of a dialect: what differs between raw WebSockets for different programs."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from omcrm.auth.credential import Unidentified
from omcrm.auth.permission import Permission
from omcrm.engine.market_view import MarketView
from omcrm.errors import MessageRefused
from omcrm.market.quote import Quote
from omcrm.wire.channel import SocketChannel
from omcrm.wire.user_event import UserMessage

if TYPE_CHECKING:
    from omcrm.gateways.client_connection import ClientConnection


class Dialect(ABC):
    """The protocol of one kind of program; an app has one object of each dialect.

    `opened`, `received` and `closed` are called one after the other for each client, concurrently
    for different clients, inside of an app context, and may block. What belongs to a single client
    is kept in `client.state`.
    """

    channel: ClassVar[SocketChannel]
    """Its name, its path and its messages; the variable parts of the path go into
    `client.arguments`."""

    scope: ClassVar[Permission] = Permission.MARKET_READ
    """The scope that a token needs."""

    session_ended: ClassVar[str] = "Session ended"
    """The reason of the close when a client's login or token ends."""

    takes_events: ClassVar[bool] = False
    """Whether clients get the events of their user; the dialect then handles a `resume`."""

    def __init__(self, market: MarketView) -> None:
        self.market = market

    def opened(self, client: "ClientConnection") -> None:  # noqa: B027
        """Set up a new client and send the first message, if there is one."""

    @abstractmethod
    def received(self, client: "ClientConnection", text: str) -> None:
        """Act on a message; raises MessageRefused for an invalid one."""

    @abstractmethod
    def error(self, refusal: MessageRefused) -> str:
        """The message that reports a refusal."""

    def quote(self, quote: Quote) -> str:
        """The message of a quote, for clients after `client.subscribe`; encoded once for all."""
        raise NotImplementedError

    def facts(self, quote: Quote) -> Hashable:
        """What must differ for a quote to be sent again; None where every quote is sent."""
        return None

    def user_message(self, message: UserMessage) -> str:
        """A message about the events of the client's user; for dialects that `takes_events`."""
        raise NotImplementedError

    def closed(self, client: "ClientConnection") -> None:  # noqa: B027
        """Clean up after a client; the last call for it."""

    def late_refusal(self, refused: Unidentified) -> str | None:
        """The reason to close with after the upgrade, for dialects that do not refuse in HTTP."""
        return None
