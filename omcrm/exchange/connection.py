"""One TCP connection: HTTP requests first, and a WebSocket after a handshake."""

import asyncio
from collections.abc import Callable

from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from omcrm.exchange import control
from omcrm.exchange.http import Answer, HttpError, Request, take_request
from omcrm.exchange.market import Market
from omcrm.exchange.refusal import handshake_refusal
from omcrm.exchange.session import INCOMING_LIMIT, Session
from omcrm.exchange.venue import Dialect
from omcrm.exchange.venues import BINANCE

SWITCHING_PROTOCOLS = 101


class Connection(asyncio.Protocol):
    """What asyncio calls for one accepted socket."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._exchange = market.binance
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
        if request.path == "/control" or request.path.startswith("/control/"):
            self._write(request, control.answer(self._market, request))
            return
        self._exchange = self._market.venue_of(request.path)
        if self._exchange.name != BINANCE:
            request = request.below(f"/{self._exchange.name}")
        if request.wants_websocket:
            self._open(request)
        else:
            self._serve_http(request)

    def _serve_http(self, request: Request) -> None:
        faults, answer = self._exchange.faults, self._exchange.venue.answer
        self._exchange.note_call()
        if faults.half_open:
            self._leave_unanswered()
        elif answer is None:
            self._write(request, Answer(404, b"", content_type="text/html"))
        elif faults.refusal and self._exchange.name != BINANCE:
            refusal = handshake_refusal(faults.refusal.status, faults.refusal.retry_after)
            self._write(request, refusal)
        elif told := answer(self._exchange, request):
            self._write(request, told)
        else:
            self.abort()

    def _leave_unanswered(self) -> None:
        self._unanswered = True
        self._exchange.unanswered.add(self)

    def _write(self, request: Request, answer: Answer) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(answer.serialize(request.keeps_alive))
        if not request.keeps_alive:
            self._transport.close()

    # The handshake

    def _open(self, request: Request) -> None:
        faults, speak = self._exchange.faults, self._exchange.venue.speak
        if faults.half_open:
            self._leave_unanswered()
        elif faults.refusal:
            self._refuse(handshake_refusal(faults.refusal.status, faults.refusal.retry_after))
        elif speak is None:
            self._refuse(Answer(404, b"", content_type="text/html"))
        elif isinstance(spoken := speak(self._exchange, request), Answer):
            self._refuse(spoken)
        else:
            self._shake_hands(request, spoken)

    def _refuse(self, answer: Answer) -> None:
        self._exchange.refused += 1
        if self._transport:
            self._transport.write(answer.serialize(keep_alive=False))
            self._transport.close()

    def _shake_hands(self, request: Request, make: Callable[[Session], Dialect]) -> None:
        if self._transport is None:
            return
        # Our own reader has taken the request off the wire, because Binance's URLs may be longer
        # than a line of the library's reader; so its frame parser starts in the open state.
        protocol = ServerProtocol(state=State.OPEN, max_size=INCOMING_LIMIT)
        handshake = Handshake(request.target, Headers(request.headers), request.method)
        response = protocol.accept(handshake)
        if response.status_code != SWITCHING_PROTOCOLS:
            self._transport.write(response.serialize())
            self._transport.close()
            return
        exchange = self._exchange
        number = exchange.next_id()
        session = Session(number, self._transport, protocol, exchange.house, make)
        self._transport.write(response.serialize())
        self._session = exchange.sessions[number] = session
        session.start()
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            session.receive(data)
