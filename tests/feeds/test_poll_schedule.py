from collections.abc import Mapping

from omcrm.feeds.poll_schedule import Polling, PollSchedule
from omcrm.feeds.provider import PollLimits


def schedule(wanted: Mapping[str, int], interval: float = 10.0, batch: int = 2) -> PollSchedule:
    return PollSchedule(Polling(interval, batch), PollLimits(3, 5.0, ()), lambda name: wanted[name])


def test_the_longer_interval_and_the_smaller_batch_count() -> None:
    """Both the upstream's limits and the operator's settings are kept."""
    wanted = dict.fromkeys("abcde", 1)
    names = {name: name for name in wanted}

    assert (10.0, 5.0) == (schedule(wanted, 10.0).interval, schedule(wanted, 1.0).interval)
    assert (2, 3) == (
        len(schedule(wanted, batch=2).due(names, 0.0)),
        len(schedule(wanted, batch=50).due(names, 0.0)),
    )


def test_among_equals_the_one_polled_longest_ago_comes_first() -> None:
    """Every symbol is polled, even while others are due again."""
    wanted = dict.fromkeys("abc", 1)
    plan, names = schedule(wanted, batch=1), {name: name for name in "abc"}
    order = []
    for step in range(7):
        order += plan.due(names, step * 4.0)
        plan.asked(order[-1:], step * 4.0)

    assert list("abcabca") == order


def test_wanted_is_not_the_same_as_due() -> None:
    """A symbol that was just polled is still wanted."""
    plan, names = schedule({"a": 1, "b": 0}), {"a": "a", "b": "b"}
    plan.asked(["a"], 0.0)

    assert [] == plan.due(names, 9.9)
    assert ["a"] == plan.due(names, 10.0)
    assert plan.is_wanted("a")
    assert not plan.is_wanted("b")
    assert not plan.is_over("a", 9.9)
    assert (0.1, 0.0) == (round(plan.wait("a", 9.9), 3), plan.wait("a", 12.0))
    assert plan.is_over("b", 0.0)


def test_refused_symbols_are_suspended() -> None:
    """Until the given time, and at least until their interval is over; the others are polled."""
    asked = schedule({"a": 1, "b": 1}, interval=10.0)
    asked.asked(["a", "b"], 0.0)
    asked.suspend(["a"], 300.0)
    long = schedule({"a": 1}, interval=3600.0)
    long.asked(["a"], 0.0)
    long.suspend(["a"], 300.0)
    both = {"a": "a", "b": "b"}

    assert ["b"] == asked.due(both, 11.0)
    assert ["b"] == asked.due(both, 299.0)
    assert {"a", "b"} == set(asked.due(both, 300.0))
    assert [] == long.due({"a": "a"}, 301.0)
    assert ["a"] == long.due({"a": "a"}, 3600.0)
