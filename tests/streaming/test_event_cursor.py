import time

import pytest

from omcrm.streaming.event_cursor import RESUME_WITHIN, EventCursor
from omcrm.wire.user_event import ResumeAfter


@pytest.mark.parametrize(("sent", "is_due"), [(None, False), (4, True), (5, False), (6, False)])
def test_events_wait_for_a_resume(sent: int | None, is_due: bool) -> None:
    """For a moment after connecting; after that those up to the last one are due."""
    began = time.monotonic()
    cursor = EventCursor()
    cursor.sent = sent

    assert not cursor.is_due(5, began)
    assert is_due is cursor.is_due(5, time.monotonic() + RESUME_WITHIN)


@pytest.mark.parametrize("resume", [ResumeAfter(7), ResumeAfter()])
def test_a_resume_is_taken_once(resume: ResumeAfter) -> None:
    """Its answer is due at once, and ends the wait."""
    cursor = EventCursor()
    cursor.sent = 5
    assert None is cursor.take_resume()
    cursor.ask(resume)
    assert cursor.is_due(5, time.monotonic())

    assert (resume, None) == (cursor.take_resume(), cursor.take_resume())
    assert not cursor.is_due(5, time.monotonic())
    assert cursor.is_due(6, time.monotonic())
