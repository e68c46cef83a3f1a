"""A venue that plays its tape: it says and answers what was recorded there, and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.message import Message
from omcrm.exchange.source import Outlet
from omcrm.exchange.taped_call import Answers, TapedCall
from omcrm.exchange.venue import Dialect, Line, PlainDialect, Venue
from omcrm.exchange.verbatim import Frame, Verbatim

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

# In every login, Alpaca's as well as Massive's.
LOGIN = b'"auth"'
NO_TAPE = Answer(503, b"nothing of this is on the tapes\n", content_type="text/plain")


class TapedVenue:
    """The venue `name`: who has said anything there is sent the frames as they come."""

    def __init__(self, name: str, tape: Verbatim, outlet: Outlet) -> None:
        self.name = name
        self.tape = tape
        self.frames = 0
        # A stream that only this venue's switchboard has receivers of.
        self.stream = f"!{name}"
        self._outlet = outlet
        self._pushes = not all(place.asked for place in tape.places)
        by_question = any(place.by_question for place in tape.places)
        self._answers = Answers(name, tape.first_answers, by_question)
        self._login_signs = [place.login for place in tape.places if place.login]
        self._login = b""

    # How it speaks

    def venue(self) -> Venue:
        """Give it as the exchange has venues."""
        return Venue(speak=self._speak, answer=self._reply)

    def _speak(
        self, exchange: "Exchange", request: Request
    ) -> "Callable[[Line], Dialect] | Answer":
        if not self._pushes:
            return NO_TAPE
        return lambda line: TapedDialect(exchange, line, self.stream, lambda: self._login)

    def _reply(self, exchange: "Exchange", request: Request) -> Answer | None:
        call = self._answers.to(request.target)
        if call is None:
            return NO_TAPE
        exchange.source.subscribed([self.stream])
        if not call.status:
            return None
        return Answer(call.status, call.body, {"Retry-After": call.wait} if call.wait else {})

    # How it is played

    def lines(self) -> Iterator[Frame]:
        """Give every frame."""
        return self.tape.play()

    def send(self, line: Frame) -> None:
        """Push a frame, or answer with it from now on."""
        self.frames += 1
        if line.asked:
            self._answers.take(TapedCall.read(line.data))
            return
        if any(sign in line.data for sign in self._login_signs):
            self._login = line.data
        if self._outlet.wants(self.stream):
            self._outlet.publish(Message(self.stream, line.data))

    def second(self) -> None:
        """Nothing is told by the clock."""

    def finish(self) -> None:
        """Nothing is told at the end."""


class TapedDialect(PlainDialect):
    """One connection: the first word of the client's, whatever it is, lets it hear the tape.

    `login` gives the newest answer to a login that was played so far, which a later one gets too.
    """

    def __init__(
        self, exchange: "Exchange", line: Line, stream: str, login: Callable[[], bytes]
    ) -> None:
        super().__init__(exchange, line)
        self._stream = stream
        self._login = login

    def heard(self, text: bytes) -> None:
        """Join those who hear the tape; nothing is answered but by the tape."""
        if not self.line.subscriptions:
            self.line.subscribe([self._stream])
        if LOGIN in text and (answer := self._login()):
            self.line.say(answer)

    def told(self, message: Message) -> Iterable[bytes]:
        """The frame itself."""
        return (message.frame(combined=False, microseconds=False),)


def _refuse(exchange: "Exchange", request: Request) -> Answer:
    return NO_TAPE


UNTAPED = Venue(speak=_refuse, answer=_refuse)
"""A venue that was not recorded."""
