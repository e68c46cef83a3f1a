"""The end of what an app took over from its server."""

from websockets.frames import CloseCode

from omcrm.extensions import socketio


def close_connections() -> int:
    """Close all WebSockets with 1001 and answer all polls; how many WebSockets are still open.

    To be called again until none is: clients may come back while the server still accepts.
    """
    if socketio.server is None:
        return 0
    engine = socketio.server.eio
    engine.reactor.close_all(CloseCode.GOING_AWAY, "the server stops")
    engine.disconnect()
    connections: int = engine.reactor.connections()
    return connections
