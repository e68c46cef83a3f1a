from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from ipaddress import IPv6Address

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from omcrm.auth.login_throttle import (
    ATTEMPT_BURST,
    ATTEMPT_INTERVAL,
    FORGOTTEN_AFTER,
    RESERVATION_KEPT,
    LoginAttempt,
    _changed,
    claim_attempt,
    forgive,
    network_of,
    seconds_left,
    wait_after,
    withdraw,
)
from omcrm.extensions import db
from omcrm.storage.login_failure import Failures, LoginFailure, failures_of

Changes = dict[str, tuple[Failures, Failures]]

WHO = "nobody@example.com"
HERE, THERE = "192.0.2.1", "192.0.2.2"


def waits(
    now: datetime, networks: Iterable[str], device: str | None = None, email: str = WHO
) -> list[int]:
    """The wait of an attempt from each network; 0 where the password was checked."""
    outcomes = [claim_attempt(email, network, device, now) for network in networks]
    return [0 if isinstance(outcome, LoginAttempt) else outcome for outcome in outcomes]


def networks(number: int, beginning: str = "198.51.100") -> list[str]:
    return [f"{beginning}.{n}" for n in range(number)]


# One network


def test_wait_grows_up_to_five_minutes() -> None:
    """Three failures are free, then each doubles the wait until it is five minutes."""
    expected = [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]

    assert expected == [wait_after(failures) for failures in range(14)]
    assert 300 == wait_after(1_000_000)


@pytest.mark.parametrize(
    ("passed", "left"), [(0.0, 4), (0.5, 4), (3.2, 1), (4.0, 0), (9.0, 0), (-3600.0, 300)]
)
def test_the_rest_of_the_wait(now: datetime, passed: float, left: int) -> None:
    """The wait is counted from the latest failure; a clock set back does not prolong it much."""
    assert left == seconds_left(Failures(5, now), now + timedelta(seconds=passed))


def test_attempts_during_the_wait_do_not_prolong_it(app: Flask, now: datetime) -> None:
    """Each free attempt counts, a refused one does not."""
    with app.app_context():
        assert [0, 0, 0, 1, 1] == waits(now, [HERE] * 5)
        assert [Failures(3, now)] == failures_of(WHO, f"network {HERE}")
        assert [0, 2] == waits(now + timedelta(seconds=1), [HERE] * 2)


def test_concurrent_attempts_are_counted(app: Flask, now: datetime) -> None:
    """Of many concurrent attempts only the free ones are made."""

    def attempt(_: int) -> int:
        with app.app_context():
            return waits(now, [HERE])[0]

    with ThreadPoolExecutor(10) as pool:
        assert [0] * 3 + [1] * 27 == sorted(pool.map(attempt, range(30)))


def test_survives_a_restart(app: Flask, now: datetime) -> None:
    """The counts are in the database, not in the process."""
    with app.app_context():
        waits(now, [HERE] * 3)
    with app.app_context():
        assert [1] == waits(now, [HERE])


def test_a_day_without_failures_is_forgiven(app: Flask, now: datetime) -> None:
    """Old failures do not count, and are deleted."""
    with app.app_context():
        waits(now, [HERE] * 3)
        waits(now, [HERE], email="other@example.com")
        later = now + FORGOTTEN_AFTER + timedelta(seconds=1)

        assert [0, 0, 0, 1] == waits(later, [HERE] * 4)
        # This network's, and that of all networks.
        assert 2 == db.session.query(LoginFailure).count()


# All networks


def test_many_networks_share_the_attempts(app: Flask, now: datetime) -> None:
    """After thirty attempts each further network gets a reservation, a minute apart."""
    with app.app_context():
        assert [0] * ATTEMPT_BURST == waits(now, networks(ATTEMPT_BURST))
        assert [60, 120, 60] == waits(now, [HERE, THERE, HERE])

        later = now + timedelta(seconds=60)
        assert [60, 0] == waits(later, [THERE, HERE])
        assert [0] == waits(now + timedelta(seconds=120), [THERE])
        assert [0] == waits(now, [HERE], email="other@example.com")


def test_a_reservation_is_not_given_to_others(app: Flask, now: datetime) -> None:
    """A network that comes at its reserved time may try, although many others ask meanwhile."""
    with app.app_context():
        waits(now, networks(ATTEMPT_BURST))
        [wait] = waits(now, [HERE])
        for second in range(0, wait + 1, 20):
            waits(now + timedelta(seconds=second), networks(20, f"203.0.{second}"))

        assert [0] == waits(now + timedelta(seconds=wait), [HERE])


def test_an_unused_reservation_ends(app: Flask, now: datetime) -> None:
    """Reservations cannot be collected."""
    with app.app_context():
        waits(now, networks(ATTEMPT_BURST))
        waits(now, [HERE, THERE])
        later = now + ATTEMPT_INTERVAL + RESERVATION_KEPT
        waits(later, networks(ATTEMPT_BURST, "203.0.113"))

        assert 0 < waits(later, [HERE])[0]


def test_a_success_gives_its_attempt_back(app: Flask, now: datetime) -> None:
    """Successful logins use up no attempt, nor does a server that was too busy."""
    with app.app_context():
        for finish in (forgive, withdraw):
            for network in networks(ATTEMPT_BURST + 5):
                claim = claim_attempt(WHO, network, None, now)
                assert isinstance(claim, LoginAttempt)
                finish(claim)

                assert 0 == failures_of(WHO, claim.origin)[0].count


def test_concurrent_attempts_of_many_networks_are_counted(app: Flask, now: datetime) -> None:
    """Of concurrent attempts from many networks only the free ones are made."""

    def attempt(network: str) -> int:
        with app.app_context():
            return waits(now, [network])[0]

    with ThreadPoolExecutor(8) as pool:
        refused = sorted(pool.map(attempt, networks(ATTEMPT_BURST + 4)))

    assert [0] * ATTEMPT_BURST + [60, 120, 180, 240] == refused


@pytest.mark.parametrize("back", [timedelta(hours=2), timedelta(days=400)])
def test_a_clock_set_back_makes_nobody_wait(app: Flask, now: datetime, back: timedelta) -> None:
    """Reservations from before the clock was set back are ignored."""
    with app.app_context():
        waits(now, networks(ATTEMPT_BURST))
        waits(now, [HERE])

        assert [0, 0] == waits(now - back, [HERE, THERE])


# Known browsers


def test_a_known_browser_needs_no_reservation(app: Flask, now: datetime) -> None:
    """With the cookie neither other networks nor the own one make the owner wait."""
    with app.app_context():
        waits(now, [HERE] * 9)
        waits(now, networks(ATTEMPT_BURST + 70))

        assert [0] == waits(now, [HERE], "mine")


def test_a_stolen_cookie_is_limited_itself(app: Flask, now: datetime) -> None:
    """A known browser's guesses are counted for it; beyond them it is treated as unknown."""
    with app.app_context():
        assert [0] * 3 == waits(now, networks(3), "stolen")
        assert [0, 0, 0, 1] == waits(now, [HERE] * 4, "stolen")
        assert [0] == waits(now, [HERE], "another")


@pytest.mark.parametrize(
    "change",
    [
        {"count": 2},
        {"next_attempt_at": datetime.fromisoformat("2026-03-04T12:01:00.000007+00:00")},
    ],
)
def test_of_two_concurrent_changes_one_fails(app: Flask, now: datetime, change: dict) -> None:
    """Two attempts that read the same row cannot both write, and the later one writes nothing."""
    after = Failures(**{"count": 1, "last_failed_at": now, **change})
    first, second = {HERE: (Failures(), after)}, {THERE: (Failures(), after)}
    written: list[str] = []

    def attempt(name: str, changes: Changes) -> bool:
        return _changed(WHO, changes, lambda: written.append(name))

    with app.app_context():
        assert attempt("first", first)
        assert not attempt("second", second | first)

        changed = {HERE: (after, Failures(5, now))}
        assert attempt("third", changed)
        assert not attempt("fourth", second | changed)

        assert [Failures(5, now), Failures()] == failures_of(WHO, HERE, THERE)
    assert ["first", "second", "third", "fourth"] == written


# Networks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix:", "unix:"),
        ("x" * 1000, "x" * 64),
        ("", ""),
        (None, ""),
    ],
)
def test_network(address: str | None, network: str) -> None:
    """IPv4 counts exactly, IPv6 by the /64, and a text that is no address as it is."""
    assert network == network_of(address)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_customer_of_ipv6_is_one_network(prefix: int, one: int, other: int) -> None:
    """The lower 64 bits make no other network, unless the address is a mapped IPv4 one."""
    addresses = [IPv6Address((prefix << 64) | host) for host in (one, other)]
    networks = {network_of(str(address)) for address in addresses if address.ipv4_mapped is None}

    assert len(networks) <= 1
