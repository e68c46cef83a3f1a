"""Whatever strangers do: how many passwords they may try, and how long the owner waits."""

from bisect import bisect_left
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count, product

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omcrm.auth.login_throttle import (
    LONGEST_QUEUE,
    TURN_EVERY,
    TURN_KEPT,
    TURNS_AT_ONCE,
    LoginAttempt,
    claim_attempt,
    forgive,
    next_turn,
)
from omcrm.storage.login_failure import Failures

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)

# What docs/accounts.md promises.
MOST_OF_ONE_NETWORK_IN_A_DAY = 300
MOST_OF_ALL_IN_A_DAY = 1530

SECONDS = st.integers(0, 90) | st.sampled_from([299, 300, 301, 3540, 3600, 7200])
ATTEMPTS = st.lists(st.tuples(SECONDS, st.integers(0, 50)), max_size=150)
OWN = st.sampled_from(["own", "stranger 0"])

# One database serves all examples: each has an e-mail of its own.
_ONE_DATABASE = [HealthCheck.function_scoped_fixture]
numbers = count()


class Guessers:
    """Everybody who tries passwords of one account, without a database."""

    def __init__(self) -> None:
        self.now = NOON
        self.made: list[datetime] = []
        self._everybody = Failures()
        self._networks: defaultdict[str, Failures] = defaultdict(Failures)

    def attempt(self, network: str) -> int:
        """The wait that this network is told, 0 where its password was looked at."""
        seen = self._networks[network]
        wait, self._networks[network], self._everybody = next_turn(seen, self._everybody, self.now)
        if not wait:
            self.made.append(self.now)
        return wait

    def go_on(self, names: list[str], end: datetime) -> None:
        """Let each of them try again as soon as it may, and all at once in the beginning."""
        turns = [(self.now, name) for name in names]
        while turns[0][0] < end:
            self.now, name = heappop(turns)
            heappush(turns, (self.now + timedelta(seconds=self.attempt(name)), name))

    def most_in_a_day(self) -> int:
        """The most passwords that were looked at in any twenty-four hours."""
        starts = enumerate(self.made)
        return max(bisect_left(self.made, start + DAY) - index for index, start in starts)


def attacked(attempts: list[tuple[int, int]], repeat: int = 1) -> Guessers:
    guessers = Guessers()
    for seconds, network in attempts * repeat:
        guessers.now += timedelta(seconds=seconds)
        guessers.attempt(f"stranger {network}")
    return guessers


@pytest.mark.parametrize(
    ("strangers", "most"),
    [(1, MOST_OF_ONE_NETWORK_IN_A_DAY), (70, MOST_OF_ALL_IN_A_DAY), (120, MOST_OF_ALL_IN_A_DAY)],
)
def test_guesses_in_a_day_are_bounded(strangers: int, most: int) -> None:
    """Whoever tries as fast as is allowed, from however many networks, makes no more guesses."""
    guessers = Guessers()
    guessers.go_on([f"stranger {n}" for n in range(strangers)], NOON + DAY * 1.2)

    assert most * 0.9 < guessers.most_in_a_day() <= most


@given(ATTEMPTS, st.integers(1, 10))
def test_no_sequence_of_attempts_makes_more_guesses(
    attempts: list[tuple[int, int]], repeat: int
) -> None:
    """Nor does any choice of moments and networks."""
    guessers = attacked(attempts, repeat)
    days = (guessers.now - NOON) / DAY
    turns = TURNS_AT_ONCE + (days * DAY + TURN_KEPT) / TURN_EVERY

    assert len(guessers.made) <= turns


def test_one_stranger_makes_nobody_elsewhere_wait() -> None:
    """However long a network goes on, another one is let try at once."""
    guessers = Guessers()
    for hour in range(1, 25):
        guessers.go_on(["here"], NOON + timedelta(hours=hour))

        assert 0 == guessers.attempt(f"elsewhere {hour}")


@given(ATTEMPTS, st.integers(1, 10))
def test_who_has_no_cookie_waits_no_longer_than_the_queue(
    attempts: list[tuple[int, int]], repeat: int
) -> None:
    """From a network of one's own the first attempt is made, at the latest after what was told."""
    guessers = attacked(attempts, repeat)
    wait = guessers.attempt("own")
    until = guessers.now + timedelta(seconds=wait)
    for moment, network in product(range(0, wait, 30), range(51)):
        guessers.now = until - timedelta(seconds=wait - moment)
        guessers.attempt(f"stranger {network}")
    guessers.now = until

    assert wait <= LONGEST_QUEUE.total_seconds()
    assert wait == 0 or guessers.attempt("own") == 0


def test_a_queue_that_is_full_says_when_to_ask_for_a_place() -> None:
    """More networks than there are places are told the minute when one is free."""
    guessers = Guessers()
    told = [guessers.attempt(str(name)) for name in range(200)]

    assert [60 * n for n in range(1, 61)] == told[TURNS_AT_ONCE : TURNS_AT_ONCE + 60]
    assert {60} == set(told[TURNS_AT_ONCE + 60 :])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(SECONDS, st.integers(0, 50)), max_size=60), st.data())
def test_the_owner_of_a_known_browser_is_let_in_at_once(
    app: Flask, attempts: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever others tried from wherever, the first attempt with the cookie is made."""
    email, now = f"{next(numbers)}@example.com", NOON
    with app.app_context():
        for seconds, network in attempts:
            now += timedelta(seconds=seconds)
            claim_attempt(email, f"stranger {network}", None, now)
            if data.draw(st.booleans()):
                claim = claim_attempt(email, data.draw(OWN), "mine", now)

                assert isinstance(claim, LoginAttempt)
                forgive(claim)
