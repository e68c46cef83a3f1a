"""One connected page of the desk: the client session of the Socket.IO dialect."""

from msgspec import structs

from omcrm.auth.credential import Caller
from omcrm.extensions import socketio
from omcrm.streaming.client_session import ClientLimits, ClientSession
from omcrm.wire.user_event import KINDS, UserMessage

NAMESPACE = "/webtrader"
DESK = "desk"
"""The name of the dialect in counts."""


def page_limits(connections: int, subscriptions: int) -> ClientLimits:
    """The limits of the desk's pages."""
    return ClientLimits(connections, subscriptions, "open pages", "close one and reload")


class PageSession(ClientSession):
    """A page; its id is the one that Socket.IO gives it."""

    caller: Caller
    takes_events = True

    def __init__(self, sid: str, caller: Caller, limits: ClientLimits) -> None:
        super().__init__(DESK, caller, "", limits, sid)

    def end_login(self) -> None:
        """Disconnect the page, because its login has ended."""
        socketio.server.disconnect(self.id, namespace=NAMESPACE)

    def can_take_events(self) -> bool:
        """Whether the page reads."""
        session = socketio.server.session_of(self.id, NAMESPACE)
        return session is not None and session.reads

    def send_user_message(self, message: UserMessage) -> None:
        """Send a message about the events of the page's user."""
        kind, body = KINDS[type(message)], structs.asdict(message)
        socketio.emit(kind, body, to=self.id, namespace=NAMESPACE)
