"""One connected page of the desk: the client session of the Socket.IO dialect."""

from typing import Any

from omcrm.auth.credential import Caller
from omcrm.extensions import socketio
from omcrm.streaming.client_session import ClientLimits, ClientSession
from omcrm.streaming.engine_session import EngineSession
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

    def disconnect(self) -> None:
        """Disconnect the page."""
        socketio.server.disconnect(self.id, namespace=NAMESPACE)

    def end_login(self) -> None:
        """Disconnect the page, because its login has ended."""
        self.disconnect()

    @property
    def session(self) -> EngineSession | None:
        """The page's Engine.IO session; None once it is disconnected."""
        return socketio.server.session_of(self.id, NAMESPACE)

    def send(self, event: str, body: Any) -> None:
        """Send the page an event."""
        socketio.server.send_to(self.id, NAMESPACE, event, body)

    def can_take_events(self) -> bool:
        """Whether the page reads."""
        session = self.session
        return session is not None and session.reads

    def send_user_message(self, message: UserMessage) -> None:
        """Send a message about the events of the page's user."""
        body = DeskReload.of(message) if isinstance(message, EventsExpired) else message
        self.send(event_name(body), body)
