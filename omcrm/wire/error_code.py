"""The codes of refusals and errors, for programs."""

from enum import StrEnum, auto


class ErrorCode(StrEnum):
    """Why a request or message is refused; the text beside it is for people and may change."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name

    # Who calls

    AUTHENTICATION_REQUIRED = auto()
    AUTHENTICATION_FAILED = auto()
    SESSION_REQUIRED = auto()
    INSUFFICIENT_SCOPE = auto()
    ADMIN_REQUIRED = auto()
    ACCESS_DENIED = auto()
    FORBIDDEN_ORIGIN = auto()
    CSRF_FAILED = auto()
    LOGIN_BUSY = auto()

    # What a request says

    INVALID_JSON = auto()
    INVALID_MESSAGE = auto()
    INVALID_PAYLOAD = auto()
    INVALID_EMAIL = auto()
    INVALID_EXPIRY = auto()
    INVALID_NAME = auto()
    INVALID_PASSWORD = auto()
    INVALID_SCOPES = auto()
    TEXT_ONLY = auto()
    TOO_LARGE = auto()
    UNKNOWN_MESSAGE = auto()

    # What it is about

    UNKNOWN_SYMBOL = auto()
    UNKNOWN_PORTFOLIO = auto()
    UNKNOWN_TOKEN = auto()
    NOT_HELD = auto()
    ALREADY_HELD = auto()
    EMAIL_TAKEN = auto()
    NAME_TAKEN = auto()
    NO_PRICE = auto()
    CHANNEL_UNAVAILABLE = auto()
    NO_WEBSOCKET = auto()

    # How much, and how often

    LIMIT_EXCEEDED = auto()
    SYMBOL_LIMIT_EXCEEDED = auto()
    HISTORY_LIMIT_EXCEEDED = auto()
    RATE_LIMITED = auto()
    TOO_MANY_REQUESTS = auto()

    # What was lost

    EVENTS_EXPIRED = auto()
    EVENTS_LOST = auto()

    # What fails here

    DATABASE_UNAVAILABLE = auto()
    UNAVAILABLE = auto()
    INTERNAL_ERROR = auto()

    # Named after the HTTP status, where nothing more is known

    BAD_REQUEST = auto()
    UNAUTHORIZED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    METHOD_NOT_ALLOWED = auto()
    NOT_ACCEPTABLE = auto()
    REQUEST_TIMEOUT = auto()
    CONFLICT = auto()
    GONE = auto()
    LENGTH_REQUIRED = auto()
    PRECONDITION_FAILED = auto()
    REQUEST_ENTITY_TOO_LARGE = auto()
    REQUEST_URI_TOO_LONG = auto()
    UNSUPPORTED_MEDIA_TYPE = auto()
    REQUESTED_RANGE_NOT_SATISFIABLE = auto()
    EXPECTATION_FAILED = auto()
    IM_A_TEAPOT = "I'M_A_TEAPOT"
    MISDIRECTED_REQUEST = auto()
    UNPROCESSABLE_ENTITY = auto()
    LOCKED = auto()
    FAILED_DEPENDENCY = auto()
    PRECONDITION_REQUIRED = auto()
    REQUEST_HEADER_FIELDS_TOO_LARGE = auto()
    UNAVAILABLE_FOR_LEGAL_REASONS = auto()
    INTERNAL_SERVER_ERROR = auto()
    NOT_IMPLEMENTED = auto()
    BAD_GATEWAY = auto()
    SERVICE_UNAVAILABLE = auto()
    GATEWAY_TIMEOUT = auto()
    HTTP_VERSION_NOT_SUPPORTED = auto()
