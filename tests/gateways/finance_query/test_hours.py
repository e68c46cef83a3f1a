from datetime import UTC, datetime

import pytest

from omcrm.gateways.finance_query.hours import hours


@pytest.mark.parametrize(
    ("now", "status", "reason"),
    [
        ("2026-03-04T15:00", "Open", "Regular trading hours"),
        ("2026-03-04T14:29", "Closed", "Pre-market"),
        ("2026-03-04T14:30", "Open", "Regular trading hours"),
        ("2026-03-04T21:00", "Closed", "After-hours"),
        # At night, between the evening of one day and the morning of the next.
        ("2026-03-05T02:00", "Closed", "After-hours"),
        ("2026-03-05T06:00", "Closed", "Pre-market"),
        # The weekend begins at midnight in New York.
        ("2026-03-07T04:59", "Closed", "After-hours"),
        ("2026-03-07T05:00", "Closed", "Weekend"),
        ("2026-03-08T15:00", "Closed", "Weekend"),
        # Daylight saving time began the night before: the opening is an hour earlier in UTC.
        ("2026-03-09T13:30", "Open", "Regular trading hours"),
        ("2026-12-25T15:00", "Closed", "Holiday: Christmas"),
        ("2026-11-27T17:59", "Early Close", "Early Close: Day after Thanksgiving"),
        ("2026-11-27T18:00", "Closed", "After-hours"),
    ],
)
def test_status_and_reason(now: str, status: str, reason: str) -> None:
    """Each moment has a status and a reason of this dialect."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert {"status": status, "reason": reason, "timestamp": f"{now}:00.000Z"} == hours(at)
