"""Everything OMCRM raises on purpose.

OmcrmError
├── SettingError           the start stops: a setting is unknown or cannot be read
├── FeedError              a feed's connection ends; the supervisor decides what follows
│   ├── FeedUnreached      the upstream was not reached: nothing was asked of it
│   ├── FeedRefused        the upstream refused the handshake
│   ├── FeedSilent         no frame at all for too long: the transport is dead
│   ├── FeedMute           frames, but no prices, for too long
│   └── FeedUnwelcome      the upstream does not answer who we say we are
├── PriceFeedRuns          a second price feed does not start
├── AccessRefused          a request is answered with a refusal that names its code
└── MessageRefused         a message on a raw WebSocket is answered with an error, and counted
"""


class OmcrmError(Exception):
    """The root of the tree."""


class SettingError(OmcrmError):
    """A setting is unknown or unparsable; the process does not start."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem

    def __str__(self) -> str:
        return f"setting {self.name}: {self.problem}"


class FeedError(OmcrmError):
    """One upstream connection has ended; the supervisor opens the next."""


class FeedUnreached(FeedError):
    """The upstream was not reached: nothing was asked of it."""


class FeedRefused(FeedError):
    """The upstream refused the connection; `retry_after` is in seconds."""

    def __init__(self, status: int, reason: str, retry_after: float | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"refused with {self.status}: {self.reason}"


class FeedHeartbeatTimeout(FeedError):
    """No frame of any kind for `seconds`: the connection is replaced."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no frame for {self.seconds:.0f} s"


class FeedNoData(FeedError):
    """The connection lives but brings no price for `seconds`: it is replaced."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"connected, but no price for {self.seconds:.0f} s"


class FeedUnauthenticated(FeedError):
    """The upstream did not say within `seconds` whether it knows us."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no answer to the login for {self.seconds:.0f} s"


class PriceFeedRuns(OmcrmError):
    """Another process feeds prices to the same database; `pid` is None where it is not known."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid

    def __str__(self) -> str:
        return f"a price feed runs already: process {self.pid or 'unknown'}"


class AccessRefused(OmcrmError):
    """A request is refused; `code` and `message` go to the caller, `status` is HTTP's.

    `field` names the part of the request that is wrong, where it is one; after `wait` seconds the
    same request may be answered.
    """

    def __init__(
        self,
        code: str,
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
    """A client's message is wrong: it is told so, and closed if it keeps at it.

    `detail` says what is wrong with which field, where that is known.
    """

    def __init__(self, code: str, message: str, detail: str | None = None) -> None:
        super().__init__(code, message, detail)
        self.code = code
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return self.message
