"""Pages that parse packets themselves, so that their order is certain."""

import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import requests
import websocket

from tests.processes import PATIENCE, Browser

ANSWER = "acknowledgement"

_CONNECT = "40/webtrader,"
_EVENT = re.compile(r"42/webtrader,(.*)", re.S)
_ACK = re.compile(r"43/webtrader,\d+(.*)", re.S)


def _read(packet: str) -> tuple[str, Any] | None:
    """An event or an acknowledgement with its body."""
    if event := _EVENT.fullmatch(packet):
        name, body = json.loads(event[1])
        return name, body
    if ack := _ACK.fullmatch(packet):
        return ANSWER, json.loads(ack[1])[0]
    return None


class RawPage:
    """A page over a bare transport; it reads only on request."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self._acks = 0
        self.send_packet(_CONNECT)
        self.read_until("connection_status")
        self.received.clear()

    def send_packet(self, packet: str) -> None:
        raise NotImplementedError

    def receive(self) -> str:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def send(self, event: str, body: Any) -> None:
        """Send an event that requests an acknowledgement."""
        self._acks += 1
        self.send_packet(f"42/webtrader,{self._acks}{json.dumps([event, body])}")

    def subscribe(self, *symbols: str, **details: Any) -> Any:
        """Subscribe; the acknowledgement. Earlier events are in `received`."""
        self.send("subscribe_to_instruments", {"symbols": symbols, **details})
        return self.read_until(ANSWER)

    def read_until(self, name: str) -> Any:
        """Read up to the next of these events; its body."""
        while True:
            packet = self.receive()
            if packet == "2":
                self.send_packet("3")
            elif (event := _read(packet)) is not None:
                self.received.append(event)
                if event[0] == name:
                    return event[1]

    def names(self) -> list[str]:
        """The received events: each update by its symbol, all others by their name."""
        return [body["symbol"] if name == "price_update" else name for name, body in self.received]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WebSocketPage(RawPage):
    """A page on a WebSocket."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        url = f"{browser.base.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
        self._socket = websocket.create_connection(
            url, cookie=browser.cookies(), origin=browser.base, timeout=PATIENCE, **options
        )
        super().__init__()

    def send_packet(self, packet: str) -> None:
        """Send it as one frame."""
        self._socket.send(packet)

    def receive(self) -> str:
        """The packet of the next frame."""
        return str(self._socket.recv())

    def close(self) -> None:
        """Disconnect without a close frame, as if the network failed."""
        self._socket.shutdown()


class PollingPage(RawPage):
    """A polling page."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._closed = False
        self._waiting: deque[str] = deque()
        self._path = "/socket.io/?EIO=4&transport=polling"
        opened = json.loads(self.receive()[1:])
        self._path += f"&sid={opened['sid']}"
        super().__init__()

    def send_packet(self, packet: str) -> None:
        """Send it as one request."""
        answer = self._browser.post(self._path, data=packet)
        assert requests.codes.ok == answer.status_code, answer.text

    def receive(self) -> str:
        """The next packet; polls if none waits."""
        while not self._waiting:
            answer = self._browser.get(self._path)
            assert requests.codes.ok == answer.status_code, answer.text
            self._waiting.extend(answer.text.split("\x1e"))
        return self._waiting.popleft()

    @contextmanager
    def upgrade(self) -> Iterator[None]:
        """Meanwhile the page is upgrading to a WebSocket, which fails in the end."""
        base = self._browser.base.replace("http", "ws")
        path = self._path.replace("polling", "websocket")
        going = websocket.create_connection(
            base + path, cookie=self._browser.cookies(), origin=self._browser.base, timeout=PATIENCE
        )
        try:
            going.send("2probe")
            assert "3probe" == going.recv()
            yield
        finally:
            going.shutdown()

    def close(self) -> None:
        """Send a close packet; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self.send_packet("1")
