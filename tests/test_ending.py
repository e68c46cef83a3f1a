import shlex
import sys
from pathlib import Path

import pytest

from omcrm.concurrency import MODES
from tests.processes import App
from tests.streaming.raw_client import CLOSE, RawClient, text

GUNICORN = f"exec {shlex.quote(sys.executable)} -m gunicorn -k gevent -b 127.0.0.1:$PORT wsgi:app"
DIALECTS = ["/ws/market/feed", "/ws/realtime/", "/quotes", "/profile/BTC", "/market", "/hours"]
DESK = "/socket.io/?EIO=4&transport=websocket"


@pytest.mark.parametrize("server", [*MODES, "gunicorn"])
def test_all_websockets_are_closed_when_the_server_stops(tmp_path: Path, server: str) -> None:
    """TERM closes the WebSockets of every dialect with 1001, so that programs reconnect."""
    environ = {"USE_SECURITY": "false", "MAX_CONNECTIONS_PER_USER": "10"}
    environ |= {} if server == "gunicorn" else {"OMCRM_ASYNC": server}
    command = ["sh", "-c", GUNICORN] if server == "gunicorn" else None
    with App(tmp_path, environ, command) as app:
        cookie = f"Cookie: {app.new_browser().cookies()}"
        clients = {path: RawClient.open(app.port, path) for path in DIALECTS}
        clients[DESK] = RawClient.open(app.port, DESK, cookie)
        clients[DESK].send(text("40/webtrader,"))
        app.stop()
        codes = {path: close_code(client) for path, client in clients.items()}

    assert dict.fromkeys(clients, 1001) == codes


def close_code(client: RawClient) -> int | None:
    """The code of the close frame, which follows the messages sent before."""
    with client:
        while (frame := client.read()).opcode != CLOSE:
            pass
        return frame.code
