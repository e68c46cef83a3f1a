"""How many passwords strangers may try, and how long the owner of the account waits."""

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
    ATTEMPT_BURST,
    ATTEMPT_INTERVAL,
    LONGEST_QUEUE,
    RESERVATION_KEPT,
    LoginAttempt,
    claim_attempt,
    forgive,
    schedule_attempt,
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
    """All networks that try passwords of one account, without a database."""

    def __init__(self) -> None:
        self.now = NOON
        self.made: list[datetime] = []
        self._everybody = Failures()
        self._networks: defaultdict[str, Failures] = defaultdict(Failures)

    def attempt(self, network: str) -> int:
        """The wait of this network; 0 where its password was checked."""
        seen = self._networks[network]
        wait, self._networks[network], self._everybody = schedule_attempt(
            seen, self._everybody, self.now
        )
        if not wait:
            self.made.append(self.now)
        return wait

    def go_on(self, names: list[str], end: datetime) -> None:
        """Let each network try as soon as it may; all of them begin at the same time."""
        attempts = [(self.now, name) for name in names]
        while attempts[0][0] < end:
            self.now, name = heappop(attempts)
            heappush(attempts, (self.now + timedelta(seconds=self.attempt(name)), name))

    def most_in_a_day(self) -> int:
        """The most passwords that were checked in any twenty-four hours."""
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
    """Attempts as fast as allowed, from any number of networks, make no more guesses."""
    guessers = Guessers()
    guessers.go_on([f"stranger {n}" for n in range(strangers)], NOON + DAY * 1.2)

    assert most * 0.9 < guessers.most_in_a_day() <= most


@given(ATTEMPTS, st.integers(1, 10))
def test_no_sequence_of_attempts_makes_more_guesses(
    attempts: list[tuple[int, int]], repeat: int
) -> None:
    """Nor do attempts at any times from any networks."""
    guessers = attacked(attempts, repeat)
    days = (guessers.now - NOON) / DAY
    most = ATTEMPT_BURST + (days * DAY + RESERVATION_KEPT) / ATTEMPT_INTERVAL

    assert len(guessers.made) <= most


def test_one_stranger_makes_nobody_elsewhere_wait() -> None:
    """However long one network tries, another one may try at once."""
    guessers = Guessers()
    for hour in range(1, 25):
        guessers.go_on(["here"], NOON + timedelta(hours=hour))

        assert 0 == guessers.attempt(f"elsewhere {hour}")


@given(ATTEMPTS, st.integers(1, 10))
def test_an_unknown_browser_waits_no_longer_than_the_queue(
    attempts: list[tuple[int, int]], repeat: int
) -> None:
    """The first attempt from another network is made after the announced wait, at the latest."""
    guessers = attacked(attempts, repeat)
    wait = guessers.attempt("own")
    until = guessers.now + timedelta(seconds=wait)
    for moment, network in product(range(0, wait, 30), range(51)):
        guessers.now = until - timedelta(seconds=wait - moment)
        guessers.attempt(f"stranger {network}")
    guessers.now = until

    assert wait <= LONGEST_QUEUE.total_seconds()
    assert wait == 0 or guessers.attempt("own") == 0


def test_a_full_queue_answers_when_a_place_is_free() -> None:
    """More networks than places get the time until the next free place."""
    guessers = Guessers()
    waits = [guessers.attempt(str(name)) for name in range(200)]

    assert [60 * n for n in range(1, 61)] == waits[ATTEMPT_BURST : ATTEMPT_BURST + 60]
    assert {60} == set(waits[ATTEMPT_BURST + 60 :])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(SECONDS, st.integers(0, 50)), max_size=60), st.data())
def test_a_known_browser_may_always_try(
    app: Flask, attempts: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever others try, the first attempt with the cookie is made."""
    email, now = f"{next(numbers)}@example.com", NOON
    with app.app_context():
        for seconds, network in attempts:
            now += timedelta(seconds=seconds)
            claim_attempt(email, f"stranger {network}", None, now)
            if data.draw(st.booleans()):
                claim = claim_attempt(email, data.draw(OWN), "mine", now)

                assert isinstance(claim, LoginAttempt)
                forgive(claim)
