import time

from omcrm.streaming.event_cursor import RESUME_WITHIN, EventCursor


def test_events_wait_for_a_resume() -> None:
    """For a moment after connecting, and no longer than that."""
    began = time.monotonic()
    cursor = EventCursor()

    assert cursor.is_held(began)
    assert not cursor.is_held(time.monotonic() + RESUME_WITHIN)


def test_a_resume_is_taken_once() -> None:
    """It ends the wait; without a number it means from now on."""
    cursor = EventCursor()
    assert None is cursor.take_resume()
    cursor.ask(7)
    assert not cursor.is_held(time.monotonic())

    assert ((7,), None) == (cursor.take_resume(), cursor.take_resume())
    cursor.ask(None)
    assert (None,) == cursor.take_resume()
    assert not cursor.is_held(time.monotonic())
