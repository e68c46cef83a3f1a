"""Messages about the numbered events of a user, the same in every dialect."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from omcrm.wire.field import Time

EventNumber = Annotated[
    int, Meta(ge=0, description="Rises by one with each event of the user; 0 before the first.")
]


class NoticeCode(StrEnum):
    """What a notice is about."""

    LOGIN_CREATED = "LOGIN_CREATED"
    LOGIN_ENDED = "LOGIN_ENDED"
    TOKEN_CREATED = "TOKEN_CREATED"  # noqa: S105
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105
    ACCESS_REVOKED = "ACCESS_REVOKED"
    OTHER = "OTHER"


class UserNotice(Struct, frozen=True, kw_only=True):
    """Something happened to the account: `code` says what to programs, `message` to people."""

    event: EventNumber
    code: NoticeCode
    message: str
    at: Time


class ResumeAnswer(Struct, frozen=True, kw_only=True):
    """The answer to a resume: every event after this number follows, each once and in order."""

    event: EventNumber


class EventsExpired(Struct, frozen=True, kw_only=True):
    """The answer to a resume after a number whose next events are deleted, or that does not exist.

    The client must load what it needs again; every event after this number follows.
    """

    event: EventNumber
    code: Literal["EVENTS_EXPIRED"] = "EVENTS_EXPIRED"
    message: str = "Some of your events are deleted: load what you need again."


class ResumeAfter(Struct, frozen=True):
    """What to resume after: the number of the last event that the client has; null for now."""

    since: EventNumber | None = None


UserMessage = UserNotice | ResumeAnswer | EventsExpired
