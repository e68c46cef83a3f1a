from datetime import UTC, datetime, timedelta

import pytest

from omcrm.feeds.news.timestamp import moment
from tests.feeds.news.feeds import NOW

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 04 Mar 2026 12:00:00 GMT",
        "Wed, 04 Mar 2026 12:00:00 +0000",
        "Wed, 04 Mar 2026 12:00:00 -0000",
        "04 Mar 2026 07:00 EST",
        "Wed, 4 Mar 26 13:00:00 CET",
        "Thu, 04 Mar 2026 21:00:00 JST",
        " 2026-03-04T12:00:00Z\n",
        "2026-03-04T13:00:00+01:00",
        "2026-03-04 12:00:00Z",
        "2026-03-04T12:00Z",
        "2026-03-04T12:00:00.000000000Z",
    ],
)
def test_the_same_moment(text: str) -> None:
    """Every format gives the same time in UTC."""
    assert NOON == moment(text, NOW)
    assert UTC is moment(text, NOW).tzinfo


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-03-04",
        "2026-03-04T12:00:00",
        "Wed, 04 Mar 2026 12:00:00",
        "Wed, 04 Mar 2026 12:00:00 XYZ",
        "Wed, 32 Mar 2026 12:00:00 GMT",
        "Wed, 04 Mar 9999999999999999999999 12:00:00 GMT",
        "Wed, 04 Mar 2026 12:00:00 +999999999999",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1772625600",
        "9" * 5000,
    ],
)
def test_no_moment(text: str) -> None:
    """Times without a zone, invalid ones, and those before the web are None."""
    assert None is moment(text, NOW)


def test_an_hour_ahead_is_too_far() -> None:
    """Differences of clocks are smaller than an hour."""
    near, far = NOW + timedelta(minutes=59), NOW + timedelta(minutes=61)

    assert near == moment(near.isoformat(), NOW)
    assert None is moment(far.isoformat(), NOW)
