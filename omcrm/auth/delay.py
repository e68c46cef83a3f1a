"""The growing delay: who guesses passwords of one account soon waits minutes for each guess."""

from datetime import datetime, timedelta
from math import ceil

from omcrm.extensions import db
from omcrm.storage.login_failure import (
    FailureCount,
    count_failure,
    failures_of,
    forget_failures_before,
)

FREE_FAILURES = 3
LONGEST_WAIT_SECONDS = 300
FORGOTTEN_AFTER = timedelta(days=1)


def claim_attempt(email: str, now: datetime) -> int:
    """0 if a password may be tried now, else the seconds to wait; commits.

    The attempt is counted as a failure before its password is looked at, so that many at once
    cannot all slip through; a success forgets the failures again.
    """
    while True:
        seen = failures_of(email)
        # The read ends here: SQLite refuses a write that builds on an old view.
        db.session.commit()
        if wait := seconds_left(seen, now):
            return wait
        forget_failures_before(now - FORGOTTEN_AFTER)
        if count_failure(email, seen, now):
            return 0


def seconds_left(seen: FailureCount, now: datetime) -> int:
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
