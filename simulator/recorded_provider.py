"""A provider that replays its recording: it sends and answers what was recorded, and nothing
else."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from simulator.byte_replay import ByteReplay, RecordedFrame
from simulator.http import HttpAnswer, HttpRequest
from simulator.market_source import StreamPublisher
from simulator.protocol import ClientLine, PlainDialect, ProviderDialect, ProviderProtocol
from simulator.recorded_call import RecordedAnswers, RecordedCall
from simulator.redating import Redating, times_of
from simulator.stream_message import StreamMessage

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

# Part of every login, Alpaca's and Massive's.
LOGIN = b'"auth"'
NOT_RECORDED = HttpAnswer(503, b"nothing of this is on the tapes\n", content_type="text/plain")


class RecordedProvider:
    """The provider `name`; every client that has sent a message receives the frames as they are
    played."""

    def __init__(
        self,
        name: str,
        recording: ByteReplay,
        publisher: StreamPublisher,
        redating: Redating | None = None,
    ) -> None:
        self.name = name
        self.recording = recording
        self.frames = 0
        # A stream that only this provider's clients subscribe to.
        self.stream = f"!{name}"
        self._publisher = publisher
        self._redating = redating
        keys = [key for endpoint in recording.endpoints for key in endpoint.time_keys]
        self._times = times_of(keys)
        self._pushes = not all(endpoint.over_http for endpoint in recording.endpoints)
        by_question = any(endpoint.by_question for endpoint in recording.endpoints)
        self._answers = RecordedAnswers(name, recording.first_answers, by_question)
        self._login_signs = [endpoint.login for endpoint in recording.endpoints if endpoint.login]
        self._login = b""

    # The protocol

    def protocol(self) -> ProviderProtocol:
        """Return the protocol that replays the recording."""
        return ProviderProtocol(open_socket=self._open_socket, answer=self._reply)

    def _open_socket(
        self, server: "ProviderServer", request: HttpRequest
    ) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
        if not self._pushes:
            return NOT_RECORDED
        return lambda line: RecordedDialect(server, line, self.stream, lambda: self._login)

    def _reply(self, server: "ProviderServer", request: HttpRequest) -> HttpAnswer | None:
        call = self._answers.to(request.target)
        if call is None:
            return NOT_RECORDED
        server.source.subscribed([self.stream])
        if not call.status:
            return None
        body = self._redated(call.body)
        return HttpAnswer(call.status, body, {"Retry-After": call.wait} if call.wait else {})

    # Playing

    def lines(self) -> Iterator[RecordedFrame]:
        """Return every frame."""
        return self.recording.play()

    def send(self, line: RecordedFrame) -> None:
        """Push a frame, or use it as the answer from now on."""
        self.frames += 1
        if self._redating is not None:
            self._redating.follow(line.time)
        if line.is_answer:
            self._answers.take(RecordedCall.read(line.data))
            return
        frame = self._redated(line.data)
        if any(sign in frame for sign in self._login_signs):
            self._login = frame
        if self._publisher.wants(self.stream):
            self._publisher.publish(StreamMessage(self.stream, frame))

    def _redated(self, frame: bytes) -> bytes:
        return frame if self._redating is None else self._redating.redated(frame, self._times)

    def second(self) -> None:
        """Do nothing: the recording has its own times."""

    def finish(self) -> None:
        """Do nothing."""


class RecordedDialect(PlainDialect):
    """One connection: the client's first message, whatever it is, subscribes it to the recording.

    `login` returns the newest login answer played so far, which a later login gets too.
    """

    def __init__(
        self, server: "ProviderServer", line: ClientLine, stream: str, login: Callable[[], bytes]
    ) -> None:
        super().__init__(server, line)
        self._stream = stream
        self._login = login

    def received(self, text: bytes) -> None:
        """Subscribe to the recording; every answer comes from the recording."""
        if not self.line.subscriptions:
            self.line.subscribe([self._stream])
        if LOGIN in text and (answer := self._login()):
            self.line.send_text(answer)

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the frame itself."""
        return (message.frame(combined=False),)


def _refuse(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    return NOT_RECORDED


UNRECORDED = ProviderProtocol(open_socket=_refuse, answer=_refuse)
"""A provider that was not recorded."""
