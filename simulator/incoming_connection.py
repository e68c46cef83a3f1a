"""One TCP connection: HTTP requests first, a WebSocket after a handshake."""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace
from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from simulator import control
from simulator.client_socket import INCOMING_LIMIT, ClientSocket
from simulator.http import RECORDED_AT, HttpAnswer, HttpError, HttpRequest, take_request
from simulator.protocol import ProviderDialect
from simulator.providers import BINANCE
from simulator.refusal import handshake_refusal
from simulator.simulator import Simulator

SWITCHING_PROTOCOLS = 101


class IncomingConnection(asyncio.Protocol):
    """The asyncio protocol of one accepted socket."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._server = simulator.binance
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._socket: ClientSocket | None = None
        self._unanswered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Process bytes of HTTP requests or of a WebSocket."""
        if self._socket:
            self._socket.receive(data)
        elif not self._unanswered:
            self._buffer += data
            self._serve()

    def eof_received(self) -> bool:
        """Process the peer's end of stream; asyncio then closes the connection."""
        if self._socket:
            self._socket.receive_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the client socket."""
        self._server.unanswered.discard(self)
        if self._socket:
            self._server.client_sockets.pop(self._socket.number, None)
            self._socket.ended()

    def pause_writing(self) -> None:
        """Mark the client as a slow reader."""
        if self._socket and not self._socket.frozen:
            self._server.subscriptions.mark_full(self._socket)

    def resume_writing(self) -> None:
        """Unmark the client as a slow reader."""
        if self._socket:
            self._server.subscriptions.mark_free(self._socket)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport:
            self._transport.abort()

    # HTTP

    def _serve(self) -> None:
        try:
            while not self._socket and (request := take_request(self._buffer)):
                self._answer(request)
        except HttpError:
            self.abort()

    def _answer(self, request: HttpRequest) -> None:
        if request.path == "/control" or request.path.startswith("/control/"):
            self._write(request, control.answer(self._simulator, request))
            return
        self._server = self._simulator.server_of(request.path)
        if self._server.name != BINANCE:
            request = request.below(f"/{self._server.name}")
        if request.wants_websocket:
            self._open(request)
        else:
            self._serve_http(request)

    def _serve_http(self, request: HttpRequest) -> None:
        faults, answer = self._server.faults, self._server.protocol.answer
        refused = faults.call_refusal
        if refused is None and self._server.name != BINANCE:
            refused = faults.refusal
        self._server.note_call()
        if faults.half_open:
            self._leave_unanswered()
        elif answer is None:
            self._write(request, HttpAnswer(404, b"", content_type="text/html"))
        elif refused is not None:
            self._write(request, handshake_refusal(refused.status, refused.retry_after))
        elif reply := answer(self._server, request):
            self._write(request, replace(reply, headers={**reply.headers, **self._dated()}))
        else:
            self.abort()

    def _leave_unanswered(self) -> None:
        self._unanswered = True
        self._server.unanswered.add(self)

    def _write(self, request: HttpRequest, answer: HttpAnswer) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(answer.serialize(request.keeps_alive))
        if not request.keeps_alive:
            self._transport.close()

    def _dated(self) -> dict[str, str]:
        """The header that tells a recording's date."""
        recorded_at = self._simulator.source.recorded_at
        return {} if recorded_at is None else {RECORDED_AT: f"{recorded_at:%Y-%m-%dT%H:%M:%SZ}"}

    # The handshake

    def _open(self, request: HttpRequest) -> None:
        faults, open_socket = self._server.faults, self._server.protocol.open_socket
        if faults.half_open:
            self._leave_unanswered()
        elif faults.refusal:
            self._refuse(handshake_refusal(faults.refusal.status, faults.refusal.retry_after))
        elif open_socket is None:
            self._refuse(HttpAnswer(404, b"", content_type="text/html"))
        elif isinstance(outcome := open_socket(self._server, request), HttpAnswer):
            self._refuse(outcome)
        else:
            self._handshake(request, outcome)

    def _refuse(self, answer: HttpAnswer) -> None:
        self._server.refused += 1
        if self._transport:
            self._transport.write(answer.serialize(keep_alive=False))
            self._transport.close()

    def _handshake(
        self, request: HttpRequest, make_dialect: Callable[[ClientSocket], ProviderDialect]
    ) -> None:
        if self._transport is None:
            return
        # Our own parser has read the request, because Binance's URLs may be longer
        # than a line of the library's parser; so its frame parser starts in the open state.
        protocol = ServerProtocol(state=State.OPEN, max_size=INCOMING_LIMIT)
        handshake = Handshake(request.target, Headers(request.headers), request.method)
        response = protocol.accept(handshake)
        if response.status_code != SWITCHING_PROTOCOLS:
            self._transport.write(response.serialize())
            self._transport.close()
            return
        server = self._server
        number = server.next_id()
        client_socket = ClientSocket(
            number, self._transport, protocol, server.context, make_dialect
        )
        response.headers.update(self._dated())
        self._transport.write(response.serialize())
        self._socket = server.client_sockets[number] = client_socket
        client_socket.start()
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            client_socket.receive(data)
