"""A venue that plays its tape: it says and answers what was recorded there, and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.message import Message
from omcrm.exchange.source import Outlet
from omcrm.exchange.venue import Dialect, Line, PlainDialect, Venue
from omcrm.exchange.verbatim import Frame, Verbatim

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

NO_TAPE = Answer(503, b"nothing of this is on the tapes\n", content_type="text/plain")


class TapedVenue:
    """The venue `name`: who has said anything there is sent the frames as they come.

    A call gets the newest body so far, whatever it asks for; before the first, the first.
    """

    def __init__(self, name: str, tape: Verbatim, outlet: Outlet) -> None:
        self.name = name
        self.tape = tape
        self.frames = 0
        # A stream that only this venue's switchboard has receivers of.
        self.stream = f"!{name}"
        self._outlet = outlet
        self._answer = tape.first_answer

    # How it speaks

    def venue(self) -> Venue:
        """Give it as the exchange has venues."""
        return Venue(speak=self._speak, answer=self._reply)

    def _speak(
        self, exchange: "Exchange", request: Request
    ) -> "Callable[[Line], Dialect] | Answer":
        if not self.tape.pushes:
            return NO_TAPE
        return lambda line: TapedDialect(exchange, line, self.stream)

    def _reply(self, exchange: "Exchange", request: Request) -> Answer:
        if self._answer is None:
            return NO_TAPE
        exchange.source.subscribed([self.stream])
        return Answer(200, self._answer.data)

    # How it is played

    def lines(self) -> Iterator[Frame]:
        """Give every frame."""
        return self.tape.play()

    def send(self, line: Frame) -> None:
        """Push a frame, or answer with it from now on."""
        self.frames += 1
        if line.asked:
            self._answer = line
        elif self._outlet.wants(self.stream):
            self._outlet.publish(Message(self.stream, line.data))

    def second(self) -> None:
        """Nothing is told by the clock."""

    def finish(self) -> None:
        """Nothing is told at the end."""


class TapedDialect(PlainDialect):
    """One connection: the first word of the client's, whatever it is, lets it hear the tape."""

    def __init__(self, exchange: "Exchange", line: Line, stream: str) -> None:
        super().__init__(exchange, line)
        self._stream = stream

    def heard(self, text: bytes) -> None:
        """Join those who hear the tape; nothing is answered but by the tape."""
        if not self.line.subscriptions:
            self.line.subscribe([self._stream])

    def told(self, message: Message) -> Iterable[bytes]:
        """The frame itself."""
        return (message.frame(combined=False, microseconds=False),)


def _refuse(exchange: "Exchange", request: Request) -> Answer:
    return NO_TAPE


UNTAPED = Venue(speak=_refuse, answer=_refuse)
"""A venue that was not recorded."""
