"""Events and problems of the feeds, as codes with figures; `feed_sentence` puts them in words."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto

from msgspec import Struct


class FeedEventKind(StrEnum):
    """What happened."""

    TOOK_OVER = "took_over"
    GAVE_BACK = "gave_back"
    BEGAN = "began"
    STATE = "state"
    QUARANTINE = "quarantine"
    DISPUTE = "dispute"
    DIVERGENCE = "divergence"


class FeedCode(StrEnum):
    """Why it happened, or what is wrong with a feed; databases and programs keep these values."""

    # A state that has no problem

    NEW_STATE = auto()

    # Another source is active

    FIRST_PRICE = auto()
    SOURCE_DOWN = auto()
    SOURCE_OFF = auto()
    SOURCE_STALE = auto()
    SOURCE_CONTRADICTED = auto()
    SOURCE_RECOVERED = auto()
    MARKET_CLOSED = auto()

    # Live sources are far apart

    NOT_DECIDED = auto()
    OUTVOTED = auto()
    FROZEN = auto()
    FAR_APART = auto()
    AGREED = auto()
    NO_LONGER_COMPARED = auto()

    # A tick is rejected

    EMPTY = auto()
    NOT_A_PRICE = auto()
    CROSSED = auto()
    HIGH_BELOW_LOW = auto()
    FROM_THE_FUTURE = auto()
    OLDER = auto()
    JUMP = auto()
    WIDE = auto()
    CONTRADICTED = auto()

    # A feed cannot ask, or not for everything

    SETTING_MISSING = auto()
    KEY_IN_USE = auto()
    SYMBOL_LIMIT = auto()
    QUOTA_USED_UP = auto()
    CALLS_UNCOUNTED = auto()
    ADDRESS_INVALID = auto()
    NO_TIME_LEFT = auto()
    STOPPED = auto()
    SUPERVISOR_DIED = auto()
    POLLER_DIED = auto()
    READING_FAILED = auto()

    # The upstream is not reached

    HOST_NOT_FOUND = auto()
    HOST_UNREACHABLE = auto()
    NETWORK_UNREACHABLE = auto()
    CONNECTION_REFUSED = auto()
    CONNECTION_LOST = auto()
    CONNECTION_FAILED = auto()
    TIMED_OUT = auto()
    CERTIFICATE_INVALID = auto()
    NO_ANSWER = auto()
    PROXY_NOT_HTTP = auto()
    PROXY_REFUSED = auto()

    # The upstream refuses, or goes silent

    REFUSED = auto()
    REQUEST_REJECTED = auto()
    CLOSED_BY_UPSTREAM = auto()
    NO_FRAME = auto()
    NO_DATA = auto()
    NO_LOGIN_ANSWER = auto()
    LATE = auto()

    # A clock is off

    CLOCK_OFF = auto()
    OWN_CLOCK_OFF = auto()

    # What it sends is not usable

    UNREADABLE_FRAME = auto()
    UNREADABLE_ANSWER = auto()
    NO_PRICE = auto()
    ANSWER_TOO_LARGE = auto()
    ANSWER_CUT_SHORT = auto()
    UNKNOWN_ENCODING = auto()
    REDIRECTED_TOO_OFTEN = auto()
    REDIRECTED_NOWHERE = auto()
    REDIRECTED_OFF_THE_WEB = auto()
    REDIRECTED_WITHOUT_TLS = auto()
    REDIRECTED_INSIDE = auto()


class SourcePrice(Struct, frozen=True):
    """The last price of a source."""

    source: str
    price: Decimal


class FeedFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of a code: those that belong to it are set.

    `state` is the feed's new state. `status` is the number with which an upstream refuses, `detail`
    its own words, or a library's, or the names without a price. `limit` is how many symbols or
    bytes are allowed, `until` when a quota renews, `process` who uses the key, `by_proxy` whether
    the proxy failed. `held` is the last price of the source whose price, bid or ask was rejected,
    `others` are those of the other sources. `apart` says how far sources are apart, `usual` how far
    they usually are, as fractions.
    """

    state: str | None = None
    status: int | None = None
    detail: str | None = None
    seconds: float | None = None
    count: int | None = None
    limit: int | None = None
    until: datetime | None = None
    setting: str | None = None
    process: str | None = None
    by_proxy: bool = False
    price: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    held: Decimal | None = None
    others: tuple[SourcePrice, ...] = ()
    apart: float | None = None
    usual: float | None = None


NO_FIGURES = FeedFigures()


class FeedProblem(Struct, frozen=True):
    """What is wrong with a feed."""

    code: FeedCode
    figures: FeedFigures = NO_FIGURES


class FeedEvent(Struct, frozen=True, kw_only=True):
    """One event; `source` is the source it is about, `before` the one that was active before.

    `silent_seconds` is how old the last price of the one before was. An event that was stored
    before there were codes has None, and its sentence in `reason`.
    """

    at: datetime
    kind: FeedEventKind
    source: str
    before: str | None = None
    symbols: tuple[str, ...] = ()
    code: FeedCode | None = None
    figures: FeedFigures = NO_FIGURES
    reason: str = ""
    silent_seconds: float | None = None
