import msgspec
import pytest

from omcrm.wire.user_event import (
    EventsExpired,
    NoticeCode,
    ResumeAfter,
    ResumeAnswer,
    UserNotice,
)

NOTICE = UserNotice(
    event=7, code=NoticeCode.OTHER, message="Something.", at="2026-01-05T14:30:00.123Z"
)


def test_the_messages_as_json() -> None:
    """A program reads the number in `event`, and the code."""
    bodies = [
        msgspec.json.decode(msgspec.json.encode(body)) for body in (NOTICE, ResumeAnswer(event=7))
    ]

    assert {"event": 7, "code": "OTHER", "message": "Something.", "at": NOTICE.at} == bodies[0]
    assert {"event": 7} == bodies[1]
    assert "EVENTS_EXPIRED" == EventsExpired(event=9).code


@pytest.mark.parametrize("since", [-1, "1", 1.5, True])
def test_only_numbers_can_be_resumed_after(since: object) -> None:
    """Not negative ones, and no text."""
    with pytest.raises(msgspec.ValidationError, match="since"):
        msgspec.convert({"since": since}, ResumeAfter)


def test_without_a_number_it_means_now() -> None:
    """Left out or null."""
    assert None is msgspec.convert({}, ResumeAfter).since
    assert None is msgspec.convert({"since": None}, ResumeAfter).since
