"""Calls are counted exactly, over threads and processes, and renewed at calendar boundaries.

Long for a reason: boundaries, files and forecasts of the counts are read together.
"""

import multiprocessing
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from omcrm.feeds.lease import lease_name
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import BudgetUse, CallCounts, period, renewal
from tests.processes import PATIENCE
from tests.values import START, after

MINUTE, HOUR = Budget(5, "minute"), Budget(20, "hour")
DAY, MONTH = Budget(25, "day"), Budget(1000, "month")
LENGTHS = ("minute", "hour", "day", "month")


def at(text: str) -> datetime:
    """A moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def call_counts(tmp_path: Path) -> CallCounts:
    """Call counts without any call."""
    return CallCounts(tmp_path / "state")


def take(
    call_counts: CallCounts, now: datetime, *budgets: Budget, api_key: str = "key"
) -> datetime | None:
    return call_counts.take("coingecko", api_key, budgets, now)


def used(call_counts: CallCounts, now: datetime, *budgets: Budget) -> list[int]:
    """The used calls of these budgets, in their order."""
    uses = {use.budget: use.used for use in call_counts.uses("coingecko", "key", budgets, now)}
    return [uses[budget] for budget in budgets]


# Periods


@pytest.mark.parametrize(
    ("moment", "began", "renewed"),
    [
        (
            "2026-12-31T23:59:59.999999",
            ["2026-12-31T23:59", "2026-12-31T23:00", "2026-12-31", "2026-12-01"],
            ["2027-01-01"] * 4,
        ),
        (
            "2027-01-01T00:00:00",
            ["2027-01-01"] * 4,
            ["2027-01-01T00:01", "2027-01-01T01:00", "2027-01-02", "2027-02-01"],
        ),
        (
            "2026-02-28T23:30:15",
            ["2026-02-28T23:30", "2026-02-28T23:00", "2026-02-28", "2026-02-01"],
            ["2026-02-28T23:31", "2026-03-01", "2026-03-01", "2026-03-01"],
        ),
        (
            "2028-02-28T23:59:00",
            ["2028-02-28T23:59", "2028-02-28T23:00", "2028-02-28", "2028-02-01"],
            ["2028-02-29", "2028-02-29", "2028-02-29", "2028-03-01"],
        ),
        (
            "2026-04-30T12:00:00",
            ["2026-04-30T12:00", "2026-04-30T12:00", "2026-04-30", "2026-04-01"],
            ["2026-04-30T12:01", "2026-04-30T13:00", "2026-05-01", "2026-05-01"],
        ),
    ],
)
def test_periods_are_those_of_the_calendar(
    moment: str, began: list[str], renewed: list[str]
) -> None:
    """A minute, hour, day and month begin and end where UTC's do."""
    budgets = [Budget(1, length) for length in LENGTHS]
    begins = [period(at(moment), budget) for budget in budgets]

    assert [at(stamp) for stamp in began] == begins
    assert [at(stamp) for stamp in renewed] == [
        renewal(begin, budget) for begin, budget in zip(begins, budgets, strict=True)
    ]


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_follows_the_one_before(month: int) -> None:
    """Whatever a month's length, the next begins at its end."""
    for year in (2026, 2028):
        first = datetime(year, month, 1, tzinfo=UTC)
        following = renewal(first, MONTH)

        assert (month % 12 + 1, 1, 0) == (following.month, following.day, following.hour)
        assert first == period(following - timedelta(microseconds=1), MONTH)


def test_the_zone_of_a_moment_does_not_matter() -> None:
    """Midnight in Tokyo is no new day."""
    tokyo = datetime(2026, 3, 5, 0, 0, tzinfo=timezone(timedelta(hours=9)))

    assert at("2026-03-04") == period(tokyo, DAY)


# Counting


def test_so_many_calls_are_allowed(call_counts: CallCounts) -> None:
    """After its last call a budget returns when it renews, and counts nothing more."""
    answers = [take(call_counts, after(10), MINUTE) for _ in range(8)]

    assert [None] * 5 + [after(60)] * 3 == answers
    assert [5] == used(call_counts, after(59), MINUTE)


def test_a_call_that_was_not_made_is_given_back(call_counts: CallCounts) -> None:
    """In every budget it was counted in, and never below zero."""
    take(call_counts, START, MINUTE, DAY)
    take(call_counts, START, MINUTE, DAY)
    call_counts.give_back("coingecko", "key", (MINUTE, DAY), START)
    left = used(call_counts, START, MINUTE, DAY)
    for _ in range(3):
        call_counts.give_back("coingecko", "key", (MINUTE, DAY), START)

    assert [1, 1] == left
    assert [0, 0] == used(call_counts, START, MINUTE, DAY)


def test_a_new_period_begins_anew(call_counts: CallCounts) -> None:
    """At the moment of renewal calls are allowed again."""
    for _ in range(6):
        take(call_counts, after(59.9), MINUTE)

    assert [None] * 5 + [after(120)] == [take(call_counts, after(60), MINUTE) for _ in range(6)]


def test_a_month_ends_with_its_year(call_counts: CallCounts) -> None:
    """Calls in December do not count in January."""
    budget = Budget(2, "month")
    december = [take(call_counts, at("2026-12-31T23:59:59"), budget) for _ in range(3)]

    assert [None, None, at("2027-01-01")] == december
    assert take(call_counts, at("2027-01-01"), budget) is None
    assert [1] == used(call_counts, at("2027-01-31T23:59:59"), budget)


def test_the_scarcest_budget_decides(call_counts: CallCounts) -> None:
    """A call counts in every budget, a refused one in none; the longest wait is returned."""
    budgets = (MINUTE, Budget(7, "day"))
    first = [take(call_counts, after(0), *budgets) for _ in range(6)]
    second = [take(call_counts, after(60), *budgets) for _ in range(3)]

    assert [None] * 5 + [after(60)] == first
    assert [None, None, at("2026-03-05")] == second
    assert [2, 7] == used(call_counts, after(61), *budgets)


def test_a_count_at_a_boundary_is_kept(call_counts: CallCounts) -> None:
    """A process that read the clock just before midnight does not reset the new day."""
    budget = Budget(2, "day")
    take(call_counts, at("2026-03-05T00:00:00"), budget)
    late = take(call_counts, at("2026-03-04T23:59:59.9"), budget)

    assert late is None
    assert [2] == used(call_counts, at("2026-03-05T00:00:01"), budget)
    assert at("2026-03-06") == take(call_counts, at("2026-03-05T00:00:01"), budget)


def test_a_clock_that_was_wrong_does_not_block_for_ever(call_counts: CallCounts) -> None:
    """Counts of a far future are dropped when the clock is right again."""
    for _ in range(6):
        take(call_counts, at("2036-03-05"), MINUTE)

    assert take(call_counts, after(0), MINUTE) is None


def test_each_key_has_its_own_budget(call_counts: CallCounts) -> None:
    """Another key has its own count."""
    for _ in range(5):
        take(call_counts, START, MINUTE)

    assert take(call_counts, START, MINUTE) is not None
    assert take(call_counts, START, MINUTE, api_key="other") is None
    assert call_counts.take("alpha_vantage", "key", [MINUTE], START) is None


def test_the_upstream_s_count_prevails(call_counts: CallCounts) -> None:
    """A budget that the upstream reports as used up allows no call until it renews."""
    take(call_counts, START, DAY)
    call_counts.exhaust("coingecko", "key", DAY, START)

    assert at("2026-03-05") == take(call_counts, START, DAY, MINUTE)
    assert [25, 0] == used(call_counts, START, DAY, MINUTE)
    assert take(call_counts, at("2026-03-05"), DAY) is None


# Files


def test_another_process_goes_on_counting(tmp_path: Path) -> None:
    """Calls of one process count for the next one."""
    for number in range(5):
        assert take(CallCounts(tmp_path), after(number), MINUTE) is None

    assert after(60) == take(CallCounts(tmp_path), after(6), MINUTE)


def test_the_key_is_not_on_the_disk(tmp_path: Path) -> None:
    """Neither the names nor the contents of the files hold it."""
    take(CallCounts(tmp_path), START, MINUTE, api_key="secret-key")
    (file,) = tmp_path.iterdir()

    assert "secret-key" not in file.name + file.read_text()
    assert 0o600 == file.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\0",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"5/minute":1}',
        b'{"5/minute":{"began":"2026-03-04T15:00:00Z"}}',
        b'{"5/minute":{"began":"2026-03-04T15:00:00","used":5}}',
        b'{"5/minute":{"began":"2026-03-04T15:00:00Z","used":-1000}}',
        b'{"\xff":{"began":"2026-03-04T15:00:00Z","used":5}}',
        b"x" * 1_000_000,
    ],
)
def test_a_spoiled_file_starts_at_zero(tmp_path: Path, content: bytes) -> None:
    """Whatever the file's content is, the budget's calls are allowed and not one more."""
    (tmp_path / f"{lease_name('coingecko', 'key')}.quota").write_bytes(content)
    answers = [take(CallCounts(tmp_path), START, MINUTE) for _ in range(6)]

    assert [None] * 5 + [after(60)] == answers


def test_a_readable_file_counts(tmp_path: Path) -> None:
    """A complete file of the same format does count."""
    path = tmp_path / f"{lease_name('coingecko', 'key')}.quota"
    path.write_bytes(b'{"5/minute":{"began":"2026-03-04T15:00:00Z","used":4}}')

    assert [None, after(60)] == [take(CallCounts(tmp_path), START, MINUTE) for _ in range(2)]


# Threads and processes


def takers(folder: Path, begin: object, calls: int) -> int:
    """Eight threads of one process take calls; returns how many they got."""
    got: list[bool] = []

    def work() -> None:
        call_counts = CallCounts(folder)
        budgets = (Budget(150, "hour"), Budget(1000, "day"))
        got.extend(take(call_counts, START, *budgets) is None for _ in range(calls))

    threads = [threading.Thread(target=work) for _ in range(8)]
    begin.wait()  # type: ignore[attr-defined]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(got)


def report(folder: Path, begin: object, answers: object) -> None:
    answers.put(takers(folder, begin, 15))  # type: ignore[attr-defined]


def test_two_processes_of_many_threads_never_exceed_it(tmp_path: Path) -> None:
    """Of 240 simultaneous attempts, 120 in each, exactly as many succeed as the budget has."""
    context = multiprocessing.get_context("spawn")
    begin, answers = context.Barrier(2), context.Queue()
    children = [context.Process(target=report, args=[tmp_path, begin, answers]) for _ in range(2)]
    for child in children:
        child.start()
    counts = [answers.get(timeout=PATIENCE) for _ in children]
    for child in children:
        child.join()

    assert 150 == sum(counts)
    assert all(0 < count for count in counts)
    assert [150, 150] == used(CallCounts(tmp_path), START, Budget(150, "hour"), Budget(1000, "day"))


# Use and forecast


def test_nothing_used_never_ends(call_counts: CallCounts) -> None:
    """Without a call there is no rate."""
    (use,) = call_counts.uses("coingecko", "key", [DAY], START)

    assert BudgetUse(DAY, 0, at("2026-03-05"), None) == use
    assert 25 == use.left


def test_forecasts_when_it_ends(call_counts: CallCounts) -> None:
    """At the rate so far, if that is before it renews."""
    noon = at("2026-03-04T12:00")
    for _ in range(20):
        take(call_counts, noon, DAY)
    (early,) = call_counts.uses("coingecko", "key", [DAY], noon)
    (late,) = call_counts.uses("coingecko", "key", [DAY], at("2026-03-04T20:00"))

    # Twenty in twelve hours: the remaining five last three more.
    assert BudgetUse(DAY, 20, at("2026-03-05"), at("2026-03-04T15:00")) == early
    # Twenty in twenty hours: they last five more, but then it is the next day.
    assert BudgetUse(DAY, 20, at("2026-03-05"), None) == late
    assert 5 == early.left


def test_used_up_is_now(call_counts: CallCounts) -> None:
    """A used-up budget ends now, also in its first moment."""
    for _ in range(5):
        take(call_counts, START, MINUTE)
    (use,) = call_counts.uses("coingecko", "key", [MINUTE], START)

    assert (START, 0) == (use.ends_at, use.left)


def test_reading_the_use_counts_nothing(call_counts: CallCounts) -> None:
    """Reading the use takes no call."""
    for _ in range(10):
        call_counts.uses("coingecko", "key", [MINUTE], START)

    assert [0] == used(call_counts, START, MINUTE)


def test_what_ends_first_comes_first(call_counts: CallCounts) -> None:
    """The budget that ends first is at the front, those that last at the back."""
    for _ in range(20):
        take(call_counts, after(20), HOUR, DAY, MONTH)
    uses = call_counts.uses("coingecko", "key", [MONTH, MINUTE, DAY, HOUR], after(600))

    assert [HOUR, DAY, MINUTE, MONTH] == [use.budget for use in uses]
