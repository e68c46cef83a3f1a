"""A client that sends exactly the bytes a test gives it, in HTTP and WebSocket."""

import contextlib
import http.client
import json
import struct
from typing import Any, NamedTuple, Self

import pytest
import websocket
from websocket import ABNF

from tests.processes import PATIENCE
from tests.streaming.conformance.served import Served

SEPARATOR = "\x1e"


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    body: str
    content_type: str

    def json(self) -> Any:
        return json.loads(self.body)


class Pending:
    """A request that waits for its answer."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> None:
        self._connection.request(method, url, body, headers)

    def send_more(self, body: bytes) -> None:
        self._connection.send(body)

    def answer(self) -> Answer:
        """Wait for the answer."""
        response = self._connection.getresponse()
        body = response.read().decode()
        self.close()
        # No answer may disclose internal details.
        assert "Traceback" not in body
        return Answer(response.status, body, response.headers.get("Content-Type", ""))

    def close(self) -> None:
        """Abort the request."""
        self._connection.close()


class Polling:
    """A polling session."""

    def __init__(self, client: "EngineClient", opening: Answer) -> None:
        assert (200, "0") == (opening.status, opening.body[:1]), opening
        self._client = client
        self.opened: dict[str, Any] = json.loads(opening.body[1:])
        self.sid: str = self.opened["sid"]
        self.query = f"EIO=4&transport=polling&sid={self.sid}"

    def begin(
        self, method: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Pending:
        """Send a request and do not wait for its answer."""
        return self._client.begin(method, self.query, body, headers)

    def poll(self) -> Answer:
        return self.begin("GET").answer()

    def post(self, body: str | bytes) -> Answer:
        return self.begin("POST", body.encode() if isinstance(body, str) else body).answer()

    def begin_poll(self) -> Pending:
        """A poll that waits at the server."""
        poll = self.begin("GET")
        self._client.served.wait_for_request(self.sid, "GET")
        return poll

    def packets(self, count: int) -> list[str]:
        """Poll until there are so many packets."""
        packets: list[str] = []
        while len(packets) < count:
            answer = self.poll()
            assert 200 == answer.status, answer
            packets += answer.body.split(SEPARATOR)
        return packets

    def is_over(self) -> bool:
        """Whether neither POST nor GET knows the session any more."""
        return [400, 400] == [self.post("4").status, self.poll().status]


class Socket:
    """A WebSocket."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=PATIENCE)
        self.opened: dict[str, Any] = {}
        self.close_code: int | None = None

    @property
    def sid(self) -> str:
        return str(self.opened["sid"])

    def send(self, *messages: str | bytes) -> None:
        """Send messages, even if the server has closed the connection."""
        with contextlib.suppress(ConnectionError):
            for message in messages:
                is_text = isinstance(message, str)
                self._socket.send(message, ABNF.OPCODE_TEXT if is_text else ABNF.OPCODE_BINARY)

    def send_frame(self, data: bytes, opcode: int, *, fin: bool = True) -> None:
        self._socket.send_frame(ABNF.create_frame(data, opcode, int(fin)))

    def receive(self) -> str | bytes:
        """The next message."""
        opcode, data = self.receive_frame()
        assert opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY), (opcode, data)
        return data.decode() if opcode == ABNF.OPCODE_TEXT else data

    def receive_frame(self) -> tuple[int, bytes]:
        """The next frame, which may be a control frame."""
        opcode, data = self._socket.recv_data(control_frame=True)
        return opcode, data

    def rest(self) -> list[str | bytes]:
        """All messages until the server's close frame, which the end of the stream must follow."""
        messages: list[str | bytes] = []
        while True:
            opcode, data = self.receive_frame()
            if opcode == ABNF.OPCODE_CLOSE:
                break
            messages.append(data.decode() if opcode == ABNF.OPCODE_TEXT else data)
        self.close_code = struct.unpack("!H", data[:2])[0] if data else None
        assert b"Traceback" not in data
        with contextlib.suppress(ConnectionResetError):
            assert b"" == self._socket.sock.recv(1)
        self.close()
        # The reference may send a close packet, or not.
        return [message for message in messages if message != "1"]

    def close(self) -> None:
        """Disconnect without a close frame."""
        self._socket.shutdown()


class EngineClient:
    """Opens sessions at one of the paths, and closes them at its end."""

    def __init__(self, served: Served, path: str) -> None:
        self.served = served
        self.path = path
        self._sessions: list[Polling] = []
        self._sockets: list[Socket] = []
        self._requests: list[Pending] = []

    def begin(
        self,
        method: str,
        query: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Pending:
        """Send a request and do not wait for its answer."""
        request = Pending(self.served.port)
        self._requests.append(request)
        request.send(method, f"/{self.path}/?{query}", body, headers or {})
        return request

    def request(self, method: str, query: str, **headers: str) -> Answer:
        return self.begin(method, query, headers=headers).answer()

    def polling(self) -> Polling:
        """A new polling session."""
        session = Polling(self, self.request("GET", "EIO=4&transport=polling"))
        self._sessions.append(session)
        return session

    def websocket(self) -> Socket:
        """A new session on a WebSocket."""
        opened = self.connect("EIO=4&transport=websocket")
        first = opened.receive()
        assert isinstance(first, str)
        assert "0" == first[:1]
        opened.opened = json.loads(first[1:])
        return opened

    def probe(self, session: Polling) -> Socket:
        """A WebSocket for an upgrade, before its probe."""
        return self.connect(f"EIO=4&transport=websocket&sid={session.sid}")

    def upgrade(self, session: Polling) -> Socket:
        """The WebSocket of an upgraded session."""
        socket = self.probe(session)
        socket.send("2probe")
        assert "3probe" == socket.receive()
        socket.send("5")
        return socket

    def connect(self, query: str) -> Socket:
        """A WebSocket after its handshake."""
        opened = Socket(f"ws://127.0.0.1:{self.served.port}/{self.path}/?{query}")
        self._sockets.append(opened)
        return opened

    def refusal(self, query: str) -> Answer:
        """The HTTP answer that refuses a WebSocket."""
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            self.connect(query)
        refused = caught.value
        body = (refused.resp_body or b"").decode()
        assert "Traceback" not in body
        return Answer(refused.status_code, body, (refused.resp_headers or {})["content-type"])

    def is_turned_away(self, query: str) -> bool:
        """Whether a WebSocket is refused, or closed at once without a message."""
        try:
            opened = self.connect(query)
        except websocket.WebSocketBadStatusException as refused:
            return 400 == refused.status_code
        return [] == opened.rest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for socket in self._sockets:
            socket.close()
        for session in self._sessions:
            session.post("1")
        for request in self._requests:
            request.close()
