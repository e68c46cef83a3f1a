"""One connected page of the desk: the client session of the Socket.IO dialect."""

from omcrm.auth.credential import Caller
from omcrm.extensions import socketio
from omcrm.streaming.client_session import ClientLimits, ClientSession
from omcrm.webtrader.messages import event_name
from omcrm.wire.desk import DESK, NAMESPACE, DeskReload
from omcrm.wire.user_event import EventsExpired, UserMessage


def page_limits(connections: int, subscriptions: int) -> ClientLimits:
    """The limits of the desk's pages."""
    return ClientLimits(connections, subscriptions, "open pages", "close one and reload")


class PageSession(ClientSession):
    """A page; its id is the one that Socket.IO gives it."""

    caller: Caller
    takes_events = True

    def __init__(self, sid: str, caller: Caller, limits: ClientLimits) -> None:
        super().__init__(DESK.name, caller, "", limits, sid)

    def end_login(self) -> None:
        """Disconnect the page, because its login has ended."""
        socketio.server.disconnect(self.id, namespace=NAMESPACE)

    def can_take_events(self) -> bool:
        """Whether the page reads."""
        session = socketio.server.session_of(self.id, NAMESPACE)
        return session is not None and session.reads

    def send_user_message(self, message: UserMessage) -> None:
        """Send a message about the events of the page's user."""
        body = DeskReload.of(message) if isinstance(message, EventsExpired) else message
        socketio.emit(event_name(body), body, to=self.id, namespace=NAMESPACE)
