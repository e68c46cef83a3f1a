"""The exceptions of OMCRM.

OmcrmError
├── SettingError              a setting is unknown or cannot be read: the process does not start
├── FeedError                 a feed's connection or call fails: it is tried again
│   ├── FeedUnreached         the upstream was not reached: the request was not sent
│   ├── FeedRefused           the upstream refused the handshake or the call
│   ├── FeedHeartbeatTimeout  no frame at all for too long: the transport is dead
│   ├── FeedNoData            frames, but no prices, for too long
│   └── FeedUnauthenticated   no answer to the login
├── PriceFeedRuns             a second price feed does not start
├── MaintenanceRefused        a command on a database ends without effect, and says what to do
├── LeaseLost                 another process is the engine now: nothing is written
├── LeaseUnreached            the database does not say who is the engine: asked again
├── EngineUnreached           the engine did not answer: the request is refused with 503
├── AccessRefused             a request is answered with a refusal that has a code
└── MessageRefused            a message on a raw WebSocket is answered with an error, and counted
"""

from omcrm.market.feed_event import NO_FIGURES, FeedCode, FeedFigures, FeedProblem
from omcrm.market.feed_sentence import problem_sentence
from omcrm.wire.error_code import ErrorCode


class OmcrmError(Exception):
    """The base of all exceptions of OMCRM."""


class SettingError(OmcrmError):
    """A setting is unknown or cannot be parsed; the process does not start."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem

    def __str__(self) -> str:
        return f"setting {self.name}: {self.problem}"


class FeedError(OmcrmError):
    """An upstream connection has ended, or a call has failed because of `problem`; it is tried
    again later."""

    def __init__(self, code: FeedCode, figures: FeedFigures = NO_FIGURES) -> None:
        super().__init__(code, figures)
        self.problem = FeedProblem(code, figures)

    def __str__(self) -> str:
        return problem_sentence(self.problem)


class FeedUnreached(FeedError):
    """The upstream was not reached: the request was not sent."""


class FeedRefused(FeedError):
    """The upstream refused the connection or call; `retry_after` is in seconds."""

    def __init__(self, status: int, reason: str, retry_after: float | None = None) -> None:
        super().__init__(FeedCode.REFUSED, FeedFigures(status=status, detail=reason))
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class FeedHeartbeatTimeout(FeedError):
    """No frame of any kind for `seconds`: the connection is replaced."""

    def __init__(self, seconds: float) -> None:
        super().__init__(FeedCode.NO_FRAME, FeedFigures(seconds=round(seconds, 3)))
        self.seconds = seconds


class FeedNoData(FeedError):
    """Frames come but no price for `seconds`: the connection is replaced."""

    def __init__(self, seconds: float) -> None:
        super().__init__(FeedCode.NO_DATA, FeedFigures(seconds=round(seconds, 3)))
        self.seconds = seconds


class FeedUnauthenticated(FeedError):
    """The upstream did not answer the login within `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(FeedCode.NO_LOGIN_ANSWER, FeedFigures(seconds=round(seconds, 3)))
        self.seconds = seconds


class PriceFeedRuns(OmcrmError):
    """Another process writes prices to the same database; `pid` is None where it is not known."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid

    def __str__(self) -> str:
        return f"a price feed runs already: process {self.pid or 'unknown'}"


class MaintenanceRefused(OmcrmError):
    """A command cannot do that to a database; its text says why, and what to do."""


class LeaseLost(OmcrmError):
    """The lease of the engine has another token, or has ended: what was to be written is not."""

    def __init__(self, token: int | None, held: int | None = None) -> None:
        super().__init__(token, held)
        self.token = token
        self.held = held

    def __str__(self) -> str:
        return f"this process is not the engine any more: token {self.token}, now {self.held}"


class LeaseUnreached(OmcrmError):
    """The database could not be asked for the lease; `problem` is for the log."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class EngineUnreached(OmcrmError):
    """The engine's process did not answer in time, or cannot be asked."""

    def __str__(self) -> str:
        return "The engine does not answer. Try again in a moment."


class AccessRefused(OmcrmError):
    """A request is refused; `code` and `message` go to the caller, `status` is HTTP's.

    `field` names the field of the request that is wrong, if it is one; after `wait` seconds the
    same request may be answered.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        status: int = 400,
        field: str | None = None,
        wait: int | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.field = field
        self.wait = wait

    def __str__(self) -> str:
        return self.message


class MessageRefused(OmcrmError):
    """A client's message is wrong: it gets an error, and is closed after too many of them.

    `detail` describes what is wrong with which field, where that is known.
    """

    def __init__(self, code: ErrorCode, message: str, detail: str | None = None) -> None:
        super().__init__(code, message, detail)
        self.code = code
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return self.message
