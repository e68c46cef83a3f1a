"""Limits how fast passwords of one account may be guessed.

Each network, and each browser that the account knows, has its own wait that grows with its
failures, so that nobody can make others wait. Besides, all unknown browsers together get one
attempt a minute for one account, after a first burst; a network that comes while none is left gets
a reservation for a later attempt.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import ceil

import msgspec
from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from omcrm.storage.login_failure import (
    ALL_ORIGINS,
    Failures,
    failures_of,
    forget,
    forget_before,
    take_back,
    write,
)
from omcrm.storage.transaction import end_read, transaction

# For one network, and for one known browser.
FREE_FAILURES = 3
LONGEST_WAIT_SECONDS = 300
FORGOTTEN_AFTER = timedelta(days=1)

# For all networks together.
ATTEMPT_BURST = 30
ATTEMPT_INTERVAL = timedelta(minutes=1)
LONGEST_QUEUE = timedelta(hours=1)
RESERVATION_KEPT = timedelta(hours=1)

# The bits of an IPv6 address that are its network, and the longest text that is no address.
_PREFIX = 64
_LONGEST_TEXT = 64


class LoginAttempt(Struct, frozen=True):
    """An attempt that may be made; it counts as a failure until `forgive` or `withdraw`.

    `is_reserved`: it uses one of the attempts of all networks together.
    """

    email: str
    origin: str
    is_reserved: bool


def network_of(address: str | None) -> str:
    """The IPv4 address itself, or the /64 of an IPv6 address, which one customer has as a whole.

    An IPv4 address mapped into IPv6 counts as IPv4; a text that is no address, as it is.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return (address or "")[:_LONGEST_TEXT]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed), _PREFIX), strict=False))


def claim_attempt(
    email: str, network: str, device: str | None, now: datetime
) -> LoginAttempt | int:
    """The attempt to try a password now, or the seconds to wait; commits.

    `device` is the id of the browser if the account knows it. The attempt is counted as a failure
    before its password is checked, so that many concurrent ones do not all pass.
    """
    here, known = f"network {network}", f"device {device}"
    tidy = partial(forget_before, now - FORGOTTEN_AFTER)
    while True:
        seen = failures_of(email, here, ALL_ORIGINS, known)
        end_read()
        at_network, at_all, at_device = (_remembered(failures, now) for failures in seen)
        if device is not None and not seconds_left(at_device, now):
            if _changed(email, {known: (at_device, _counted(at_device, now))}, tidy):
                return LoginAttempt(email, known, is_reserved=False)
            continue
        wait, network_after, all_after = schedule_attempt(at_network, at_all, now)
        if network_after == at_network:
            return wait
        changes = {here: (at_network, network_after)}
        if all_after != at_all:
            changes[ALL_ORIGINS] = (at_all, all_after)
        if _changed(email, changes, tidy):
            return wait or LoginAttempt(email, here, is_reserved=True)


def forgive(claim: LoginAttempt, also: Callable[[], None] = lambda: None) -> None:
    """Reset the failures of the attempt's origin, whose password was right, and call `also` in the
    same transaction; commits. `also` is called again where another attempt came in between."""
    _finish(claim, forget, also)


def withdraw(claim: LoginAttempt) -> None:
    """Do not count an attempt whose password was not checked; commits."""
    _finish(claim, take_back, lambda: None)


def seconds_left(seen: Failures, now: datetime) -> int:
    """The whole seconds until the next attempt is allowed after these failures."""
    if seen.last_failed_at is None or seen.count < FREE_FAILURES:
        return 0
    allowed_at = seen.last_failed_at + timedelta(seconds=wait_after(seen.count))
    return min(max(ceil((allowed_at - now).total_seconds()), 0), LONGEST_WAIT_SECONDS)


def wait_after(failures: int) -> int:
    """The wait in seconds after so many failures: none at first, then 1, 2, 4 and so on."""
    if failures < FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES, LONGEST_WAIT_SECONDS.bit_length())
    return min(1 << doublings, LONGEST_WAIT_SECONDS)


def schedule_attempt(
    network: Failures, everybody: Failures, now: datetime
) -> tuple[int, Failures, Failures]:
    """The seconds that a network has to wait, and its new failures and everybody's."""
    if wait := seconds_left(network, now):
        return wait, network, everybody
    if _has_reservation(network.next_attempt_at, now):
        assert network.next_attempt_at is not None
        if wait := _seconds_until(network.next_attempt_at, now):
            return wait, network, everybody
        return 0, _counted(network, now), everybody
    granted_until = _granted_until(everybody, now) + ATTEMPT_INTERVAL
    next_attempt_at = granted_until - ATTEMPT_BURST * ATTEMPT_INTERVAL
    if next_attempt_at - now > LONGEST_QUEUE:
        return _seconds_until(next_attempt_at - LONGEST_QUEUE, now), network, everybody
    everybody = Failures(last_failed_at=now, next_attempt_at=granted_until)
    if wait := _seconds_until(next_attempt_at, now):
        since = network.last_failed_at or now
        return wait, Failures(network.count, since, next_attempt_at), everybody
    return 0, _counted(network, now), everybody


def _finish(
    claim: LoginAttempt, change: Callable[[str, str], None], also: Callable[[], None]
) -> None:
    """Apply `change` to the attempt's origin, call `also`, and give back a reserved attempt."""

    def finish() -> None:
        change(claim.email, claim.origin)
        also()

    while True:
        [at_all] = failures_of(claim.email, ALL_ORIGINS)
        if not claim.is_reserved or at_all.next_attempt_at is None:
            with transaction():
                finish()
            return
        returned = msgspec.structs.replace(
            at_all, next_attempt_at=at_all.next_attempt_at - ATTEMPT_INTERVAL
        )
        if _changed(claim.email, {ALL_ORIGINS: (at_all, returned)}, finish):
            return


class _ChangedMeanwhile(Exception):
    """Another attempt changed the failures after they were read."""


def _changed(
    email: str, changes: Mapping[str, tuple[Failures, Failures]], also: Callable[[], None]
) -> bool:
    """Change each origin's failures from the first to the second value, and call `also`, in one
    transaction; False where another attempt changed one meanwhile: then nothing is changed."""
    try:
        with transaction():
            also()
            if not write(email, changes):
                raise _ChangedMeanwhile
    except (IntegrityError, _ChangedMeanwhile):
        return False
    return True


def _remembered(failures: Failures, now: datetime) -> Failures:
    at = failures.last_failed_at
    return Failures() if at is not None and at < now - FORGOTTEN_AFTER else failures


def _counted(failures: Failures, now: datetime) -> Failures:
    return Failures(failures.count + 1, now)


def _has_reservation(next_attempt_at: datetime | None, now: datetime) -> bool:
    # A time further ahead than any reservation is from before the clock was set back.
    return (
        next_attempt_at is not None
        and now - RESERVATION_KEPT < next_attempt_at <= now + LONGEST_QUEUE
    )


def _granted_until(everybody: Failures, now: datetime) -> datetime:
    """Up to when attempts are granted; a time too far ahead is ignored, as above."""
    at = everybody.next_attempt_at
    furthest = now + LONGEST_QUEUE + ATTEMPT_BURST * ATTEMPT_INTERVAL
    return at if at is not None and now < at <= furthest else now


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(ceil((moment - now).total_seconds()), 0)
