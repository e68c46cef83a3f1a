from simulator.drill.processes.event_writer import (
    WrittenEvent,
    doubled_events,
    lost_events,
    missing_numbers,
    out_of_order,
)

FIRST, SECOND = (WrittenEvent(7, "TOKEN_CREATED", name) for name in ("first-1", "first-2"))


def test_what_was_confirmed_and_is_not_there_is_lost() -> None:
    """What is there and was not confirmed is not: its answer may have been lost."""
    assert 1 == lost_events([FIRST, SECOND], [FIRST])
    assert 0 == lost_events([FIRST], [FIRST, SECOND])


def test_what_is_there_twice_is_doubled() -> None:
    """Each event was written once."""
    assert 0 == doubled_events([FIRST, SECOND])
    assert 2 == doubled_events([FIRST, SECOND, FIRST, FIRST])


def test_a_client_gets_each_number_once_and_in_order() -> None:
    """From the first one to the last."""
    assert 0 == missing_numbers([1, 2, 3], 3)
    assert 2 == missing_numbers([1, 3], 4)
    assert 0 == out_of_order([1, 2, 3])
    assert 2 == out_of_order([1, 2, 2, 4, 3])
