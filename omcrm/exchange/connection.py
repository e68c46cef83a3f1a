"""One TCP connection: HTTP requests first, and a WebSocket after a handshake."""

import asyncio
import time

from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from omcrm.exchange import control, rest
from omcrm.exchange.exchange import Exchange
from omcrm.exchange.http import Answer, HttpError, Request, take_request
from omcrm.exchange.refusal import handshake_refusal
from omcrm.exchange.session import INCOMING_LIMIT, Session
from omcrm.exchange.stream import STREAM_LIMIT, Opening, opening_of

SWITCHING_PROTOCOLS = 101


class Connection(asyncio.Protocol):
    """What asyncio calls for one accepted socket."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._unanswered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold on to the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in bytes: a WebSocket's, or those of HTTP requests."""
        if self._session:
            self._session.receive(data)
        elif not self._unanswered:
            self._buffer += data
            self._serve()

    def eof_received(self) -> bool:
        """Hear that the peer sends no more; asyncio then closes the connection."""
        if self._session:
            self._session.receive_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the session."""
        self._exchange.unanswered.discard(self)
        if self._session:
            self._exchange.sessions.pop(self._session.number, None)
            self._session.ended()

    def pause_writing(self) -> None:
        """Hear that the peer reads too slowly."""
        if self._session and not self._session.frozen:
            self._exchange.switchboard.mark_full(self._session)

    def resume_writing(self) -> None:
        """Hear that the peer has caught up."""
        if self._session:
            self._exchange.switchboard.mark_free(self._session)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport:
            self._transport.abort()

    # HTTP

    def _serve(self) -> None:
        try:
            while not self._session and (request := take_request(self._buffer)):
                self._answer(request)
        except HttpError:
            self.abort()

    def _answer(self, request: Request) -> None:
        if request.wants_websocket:
            self._open(request)
        elif request.path == "/control" or request.path.startswith("/control/"):
            self._write(request, control.answer(self._exchange, request))
        else:
            self._write(request, rest.answer(self._exchange, request, time.time()))

    def _write(self, request: Request, answer: Answer) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(answer.serialize(request.keeps_alive))
        if not request.keeps_alive:
            self._transport.close()

    # The handshake

    def _open(self, request: Request) -> None:
        faults, opening = self._exchange.faults, opening_of(request.target)
        if faults.half_open:
            self._unanswered = True
            self._exchange.unanswered.add(self)
        elif faults.refusal:
            self._refuse(handshake_refusal(faults.refusal.status, faults.refusal.retry_after))
        elif opening is None:
            self._refuse(Answer(404, b"", content_type="text/html"))
        elif len(opening.streams) > STREAM_LIMIT:
            self._refuse(Answer(400, b"too many streams", content_type="text/plain"))
        else:
            self._shake_hands(request, opening)

    def _refuse(self, answer: Answer) -> None:
        self._exchange.refused += 1
        if self._transport:
            self._transport.write(answer.serialize(keep_alive=False))
            self._transport.close()

    def _shake_hands(self, request: Request, opening: Opening) -> None:
        if self._transport is None:
            return
        # Our own reader has taken the request off the wire, because Binance's URLs may be longer
        # than a line of the library's reader; so its frame parser starts in the open state.
        protocol = ServerProtocol(state=State.OPEN, max_size=INCOMING_LIMIT)
        handshake = Handshake(request.target, Headers(request.headers), request.method)
        response = protocol.accept(handshake)
        self._transport.write(response.serialize())
        if response.status_code == SWITCHING_PROTOCOLS:
            self._start_session(protocol, opening)
        else:
            self._transport.close()

    def _start_session(self, protocol: ServerProtocol, opening: Opening) -> None:
        if self._transport is None:
            return
        exchange = self._exchange
        self._session = Session(
            exchange.next_id(), self._transport, protocol, opening, exchange.house
        )
        exchange.sessions[self._session.number] = self._session
        self._session.start(opening.streams)
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            self._session.receive(data)
