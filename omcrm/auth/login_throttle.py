"""How fast passwords of one account may be guessed.

Each network, and each browser that has logged in before, has a growing delay of its own, so that
nobody can make others wait. Besides, all networks together get a turn a minute for one account;
who comes while there is none is given a turn of their own to come back for. Browsers that the
account knows need no turn.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil

import msgspec
from msgspec import Struct

from omcrm.extensions import db
from omcrm.storage.login_failure import (
    ALL_ORIGINS,
    Failures,
    failures_of,
    forget,
    forget_before,
    take_back,
    write,
)

# Of one network, and of one known browser.
FREE_FAILURES = 3
LONGEST_WAIT_SECONDS = 300
FORGOTTEN_AFTER = timedelta(days=1)

# Of all networks together.
TURNS_AT_ONCE = 30
TURN_EVERY = timedelta(minutes=1)
LONGEST_QUEUE = timedelta(hours=1)
TURN_KEPT = timedelta(hours=1)


class LoginAttempt(Struct, frozen=True):
    """An attempt that may be made: it counts as a failure until it is settled."""

    email: str
    origin: str
    has_turn: bool


def claim_attempt(
    email: str, network: str, device: str | None, now: datetime
) -> LoginAttempt | int:
    """The attempt to try a password now, or the seconds to wait; commits.

    `device` names the browser if the account knows it. The attempt is counted as a failure before
    its password is looked at, so that many at once cannot all slip through.
    """
    here, known = f"network {network}", f"device {device}"
    while True:
        seen = failures_of(email, here, ALL_ORIGINS, known)
        # The read ends here: SQLite refuses a write that builds on an old view.
        db.session.commit()
        at_network, at_all, at_device = (_remembered(failures, now) for failures in seen)
        if device is not None and not seconds_left(at_device, now):
            forget_before(now - FORGOTTEN_AFTER)
            if write(email, {known: (at_device, _counted(at_device, now))}):
                return LoginAttempt(email, known, has_turn=False)
            continue
        wait, network_after, all_after = next_turn(at_network, at_all, now)
        if network_after == at_network:
            return wait
        forget_before(now - FORGOTTEN_AFTER)
        changes = {here: (at_network, network_after)}
        if all_after != at_all:
            changes[ALL_ORIGINS] = (at_all, all_after)
        if write(email, changes):
            return wait or LoginAttempt(email, here, has_turn=True)


def forgive(claim: LoginAttempt) -> None:
    """The password was right: its origin starts again at none; commits."""
    _settle(claim, forget)


def withdraw(claim: LoginAttempt) -> None:
    """The password was never looked at: the attempt does not count; commits."""
    _settle(claim, take_back)


def seconds_left(seen: Failures, now: datetime) -> int:
    """How long the next attempt has to wait after these failures, in whole seconds."""
    if seen.last_failed_at is None or seen.count < FREE_FAILURES:
        return 0
    allowed_at = seen.last_failed_at + timedelta(seconds=wait_after(seen.count))
    return min(max(ceil((allowed_at - now).total_seconds()), 0), LONGEST_WAIT_SECONDS)


def wait_after(failures: int) -> int:
    """The whole delay in seconds that so many failures earn: none, then 1, 2, 4 and so on."""
    if failures < FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES, LONGEST_WAIT_SECONDS.bit_length())
    return min(1 << doublings, LONGEST_WAIT_SECONDS)


def next_turn(
    network: Failures, everybody: Failures, now: datetime
) -> tuple[int, Failures, Failures]:
    """The seconds that a network has to wait, and what its failures and everybody's become."""
    if wait := seconds_left(network, now):
        return wait, network, everybody
    if _is_kept(network.turn_at, now):
        assert network.turn_at is not None
        if wait := _seconds_until(network.turn_at, now):
            return wait, network, everybody
        return 0, _counted(network, now), everybody
    given = _given_until(everybody, now) + TURN_EVERY
    turn_at = given - TURNS_AT_ONCE * TURN_EVERY
    if turn_at - now > LONGEST_QUEUE:
        return _seconds_until(turn_at - LONGEST_QUEUE, now), network, everybody
    everybody = Failures(last_failed_at=now, turn_at=given)
    if wait := _seconds_until(turn_at, now):
        since = network.last_failed_at or now
        return wait, Failures(network.count, since, turn_at), everybody
    return 0, _counted(network, now), everybody


def _settle(claim: LoginAttempt, settle: Callable[[str, str], None]) -> None:
    """Do that to the claim's origin, and give its turn to somebody else."""
    while True:
        [at_all] = failures_of(claim.email, ALL_ORIGINS)
        db.session.commit()
        settle(claim.email, claim.origin)
        if not claim.has_turn or at_all.turn_at is None:
            db.session.commit()
            return
        returned = msgspec.structs.replace(at_all, turn_at=at_all.turn_at - TURN_EVERY)
        if write(claim.email, {ALL_ORIGINS: (at_all, returned)}):
            return


def _remembered(failures: Failures, now: datetime) -> Failures:
    at = failures.last_failed_at
    return Failures() if at is not None and at < now - FORGOTTEN_AFTER else failures


def _counted(failures: Failures, now: datetime) -> Failures:
    return Failures(failures.count + 1, now)


def _is_kept(turn_at: datetime | None, now: datetime) -> bool:
    # One further ahead than any can be is from before the clock was set back.
    return turn_at is not None and now - TURN_KEPT < turn_at <= now + LONGEST_QUEUE


def _given_until(everybody: Failures, now: datetime) -> datetime:
    """Up to when turns are given away; the same here about clocks."""
    at = everybody.turn_at
    furthest = now + LONGEST_QUEUE + TURNS_AT_ONCE * TURN_EVERY
    return at if at is not None and now < at <= furthest else now


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(ceil((moment - now).total_seconds()), 0)
