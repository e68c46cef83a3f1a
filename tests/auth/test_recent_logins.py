"""Which logins are looked up anew, and which with others."""

import threading
from collections.abc import Callable, Collection

import pytest

from omcrm.auth.recent_logins import LIFETIME, RecentLogins

PAUSE = 1.0
"""More than there is between two look-ups."""


Find = Callable[[str], str | None]


class Database:
    """The valid logins, and what was asked; its clock moves by sleeping only."""

    def __init__(self, *valid: str) -> None:
        self.valid = {*valid}
        self.asked: list[set[str]] = []
        self.now = 1000.0
        self.during: list[str] = []
        self.recent = RecentLogins[str](lambda: self.now, self.sleep)

    def look_up(self, names: Collection[str]) -> dict[str, str]:
        self.asked.append({*names})
        logins = {name: f"the login {name}" for name in names if name in self.valid}
        for name in self.during:
            self.recent.forget(name)
        return logins

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def database() -> Database:
    """Two valid logins, and nothing looked up."""
    return Database("a", "b")


@pytest.fixture
def find(database: Database) -> Find:
    """Finds a login."""
    return lambda name: database.recent.find(name, database.look_up)


def test_a_login_is_looked_up_once(database: Database, find: Find) -> None:
    """For as long as the sweeper waits, and not longer."""
    assert ["the login a"] * 2 == [find("a"), find("a")]
    database.sleep(LIFETIME - 0.1)
    assert "the login a" == find("a")
    assert [{"a"}] == database.asked
    database.valid.remove("a")
    database.sleep(0.2)

    assert find("a") is None
    assert [{"a"}] * 2 == database.asked


def test_an_invalid_login_is_not_remembered(database: Database, find: Find) -> None:
    """Each connection with it is looked up, and refused."""
    assert [None, None] == [find("x"), find("x")]
    assert [{"x"}] * 2 == database.asked


def test_announced_logins_are_looked_up_together(database: Database, find: Find) -> None:
    """By one query, with the next one that is not known."""
    for name in ("a", "b", "x"):
        database.recent.expect(name)

    assert "the login a" == find("a")
    assert "the login b" == find("b")
    assert [{"a", "b", "x"}] == database.asked


def test_look_ups_that_follow_each_other_gather(database: Database, find: Find) -> None:
    """The next one waits for a moment, in which others are announced."""
    find("a")
    began = database.now
    find("b")

    assert 0 < database.now - began < PAUSE
    assert [{"a"}, {"b"}] == database.asked
    database.sleep(LIFETIME)
    began = database.now
    find("a")
    assert began == database.now


@pytest.mark.parametrize("name", ["a", None])
def test_a_forgotten_login_is_looked_up_anew(
    database: Database, find: Find, name: str | None
) -> None:
    """One that has ended, or all, before the sweeper looks."""
    find("a")
    database.valid.remove("a")
    database.recent.forget(name)

    assert find("a") is None


def test_others_stay(database: Database, find: Find) -> None:
    """The end of one login costs the others no look."""
    database.recent.expect("b")
    find("a")
    database.recent.forget("a")
    find("b")

    assert [{"a", "b"}] == database.asked


def test_a_login_that_ends_during_its_look_up_is_not_remembered(
    database: Database, find: Find
) -> None:
    """What was read before the end must not count after it."""
    database.during = ["a"]
    find("a")
    database.during = []
    database.valid.remove("a")

    assert find("a") is None


def test_it_is_bounded(database: Database, find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten; so many are announced at most."""
    monkeypatch.setattr("omcrm.auth.recent_logins._MOST", 3)
    monkeypatch.setattr("omcrm.auth.recent_logins._AT_ONCE", 2)
    database.valid = {*"abcdefgh"}
    for name in "abcdefgh":
        database.recent.expect(name)
    find("h")
    assert [{"a", "b", "h"}] == database.asked
    find("g")

    assert 3 == len(database.recent)
    assert {"b", "h", "g"} == {*database.recent._looked_up}


def test_many_threads_get_their_own_login(database: Database) -> None:
    """Whatever they look up together."""
    names = [str(number) for number in range(200)]
    database.valid = {*names[::2]}
    logins, results = RecentLogins[str](), dict[str, str | None]()

    def connect(mine: list[str]) -> None:
        for name in mine:
            logins.expect(name)
        for name in mine:
            results[name] = logins.find(name, database.look_up)

    threads = [threading.Thread(target=connect, args=[names[first::8]]) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: f"the login {name}" if name in database.valid else None for name in names} == (
        results
    )
