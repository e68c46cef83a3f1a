"""Closes the WebSockets of an app when its server stops."""

from websockets.frames import CloseCode

from omcrm.extensions import socketio


def close_connections() -> int:
    """Close all WebSockets with 1001 and answer all polls; the number of WebSockets still open.

    Call it until that is 0: clients may reconnect while the server still accepts.
    """
    if socketio.server is None:
        return 0
    engine = socketio.server.eio
    engine.reactor.close_all(CloseCode.GOING_AWAY, "the server stops")
    engine.disconnect()
    connections: int = engine.reactor.connections()
    return connections
