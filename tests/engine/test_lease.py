from collections.abc import Callable

import pytest

from omcrm.engine.lease import Lease, LeaseLock
from omcrm.errors import LeaseLost, LeaseUnreached
from tests.processes import wait_for


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Row:
    """The row of the lease, with the database's own clock."""

    def __init__(self) -> None:
        self.token, self.until, self.now = 0, 0.0, 1_000.0
        self.is_away = False

    def take(self, seconds: float, above: int) -> int | None:
        self._reach()
        if self.until >= self.now:
            return None
        self.token = max(self.token, above) + 1
        self.until = self.now + seconds
        return self.token

    def renew(self, token: int, seconds: float) -> bool:
        self._reach()
        if token == self.token:
            self.until = self.now + seconds
        return token == self.token

    def give_back(self, token: int) -> None:
        self._reach()
        if token == self.token:
            self.until = self.now - 1

    def _reach(self) -> None:
        if self.is_away:
            raise LeaseUnreached("it is away")


@pytest.fixture
def row() -> Row:
    return Row()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(row: Row, clock: Clock) -> Callable[[], Lease]:
    return lambda: Lease(row, clock=clock)


def passed(row: Row, clock: Clock, seconds: float) -> None:
    row.now += seconds
    clock.now += seconds


def test_one_of_two_has_it(make: Callable[[], Lease]) -> None:
    """Whoever asks first; the other one asks again and again."""
    first, second = make(), make()
    first.step()
    second.step()

    assert (1, None) == (first.token, second.token)
    assert 1 == first.token_to_write()
    with pytest.raises(LeaseLost):
        second.token_to_write()


def test_a_standby_takes_over_when_nothing_is_renewed(
    row: Row, clock: Clock, make: Callable[[], Lease]
) -> None:
    """Its token is higher, and the one before learns that at its next renewal."""
    first, second = make(), make()
    first.step()
    passed(row, clock, 2)
    first.step()
    second.step()
    assert second.token is None

    passed(row, clock, 3.1)
    second.step()
    assert (1, 2) == (first.token, second.token)
    assert not first.is_sure
    with pytest.raises(LeaseLost):
        first.token_to_write()

    first.step()
    assert first.token is None


def test_without_the_database_a_leader_goes_on_and_writes_nothing(
    row: Row, clock: Clock, make: Callable[[], Lease]
) -> None:
    """Until it is shown a higher token; if nobody took over meanwhile, it simply leads again."""
    lease = make()
    lease.step()
    row.is_away = True
    passed(row, clock, 60)
    lease.step()
    assert (1, False) == (lease.token, lease.is_sure)
    with pytest.raises(LeaseLost):
        lease.token_to_write()

    row.is_away = False
    lease.step()
    assert 1 == lease.token_to_write()

    row.is_away = True
    lease.note_token(7)
    assert lease.token is None


def test_a_token_is_above_all_that_were_seen(
    row: Row, clock: Clock, make: Callable[[], Lease]
) -> None:
    """Also where the database was restored from before them, and the row is still its own."""
    lease = make()
    lease.step()
    lease.note_token(7)
    assert lease.token is None

    lease.step()
    assert 8 == lease.token


def test_another_clock_changes_nothing(row: Row, clock: Clock, make: Callable[[], Lease]) -> None:
    """The end is by the database's clock; a process's own is monotonic and may stand anywhere."""
    leader = make()
    ahead = Lease(row, clock=lambda: clock.now + 30)
    behind = Lease(row, clock=lambda: clock.now - 30)
    leader.step()
    for _ in range(10):
        passed(row, clock, 1)
        for lease in (ahead, behind, leader):
            lease.step()

    assert [1, None, None] == [lease.token for lease in (leader, ahead, behind)]


def test_the_end_of_a_process_gives_it_back(row: Row) -> None:
    """Nobody has to wait until it ends by itself."""
    first, second = Lease(row), Lease(row)
    changes: list[int | None] = []
    first.on_change(lambda: changes.append(first.token))
    first.start()
    first.start()
    wait_for(lambda: first.token == 1, what="the lease")
    first.stop()
    second.step()

    assert (None, 2) == (first.token, second.token)
    assert [1, None] == changes


# The right that goes with it


def test_feeds_run_for_one_term(row: Row, clock: Clock, make: Callable[[], Lease]) -> None:
    """Feeds that were started for an earlier term must end, and publish nothing meanwhile."""
    lease = make()
    lock = LeaseLock(lease)
    assert (None, None) == (lock.take(), lock.token())

    lease.step()
    assert (1, 1) == (lock.token(), lock.take())
    assert lock.holds()

    lease.note_token(5)
    lease.step()
    assert 6 == lease.token
    assert (False, None) == (lock.holds(), lock.token())

    lock.give_back()
    assert (6, 6) == (lock.token(), lock.take())


def test_a_process_that_ends_publishes_nothing_more(make: Callable[[], Lease]) -> None:
    """Its prices do not become stale for those who will hear from its successor."""
    lease = make()
    lock = LeaseLock(lease)
    lease.step()
    lock.take()
    lock.close()

    assert (None, False, None) == (lock.token(), lock.holds(), lock.take())
    assert 1 == lease.token
