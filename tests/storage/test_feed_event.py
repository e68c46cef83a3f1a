from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.extensions import db
from omcrm.market.feed_event import (
    FeedCode,
    FeedEvent,
    FeedEventKind,
    FeedFigures,
    SourcePrice,
)
from omcrm.storage.feed_event import KEPT_FOR, FeedEventRow, add, forget_old, recent


def event(at: datetime, reason: str = "", silent: float | None = None) -> FeedEvent:
    return FeedEvent(
        at=at,
        kind=FeedEventKind.TOOK_OVER,
        source="kraken",
        before="binance",
        symbols=("BTC", "ETH"),
        reason=reason,
        silent_seconds=silent,
    )


def kept(most: int = 100) -> list[FeedEvent]:
    """The events in the database, not those in the session's memory."""
    db.session.commit()
    db.session.expire_all()
    return recent(most)


def test_an_event_is_stored_with_all_its_fields(database: None, now: datetime) -> None:
    """Empty and set ones."""
    full = event(now, "binance is stale", 10.25)
    bare = FeedEvent(at=now, kind=FeedEventKind.STATE, source="binance")
    add([full, bare])

    assert [bare, full] == kept()


def test_figures_are_stored_exactly(database: None, now: datetime) -> None:
    """Prices keep every digit, a time its zone, and other figures their type."""
    figures = FeedFigures(
        state="waiting",
        status=429,
        seconds=10.25,
        until=now,
        by_proxy=True,
        price=Decimal("0.1000000000000000055"),
        others=(SourcePrice("kraken", Decimal("61800.10")),),
    )
    add(
        [
            FeedEvent(
                at=now, kind=FeedEventKind.STATE, source="x", code=FeedCode.REFUSED, figures=figures
            )
        ]
    )
    (stored,) = kept()

    assert (FeedCode.REFUSED, figures) == (stored.code, stored.figures)
    assert "61800.10" == str(stored.figures.others[0].price)


@pytest.mark.parametrize("code", list(FeedCode))
def test_every_code_can_be_stored(database: None, now: datetime, code: FeedCode) -> None:
    """Its column is wide enough for each name."""
    add([FeedEvent(at=now, kind=FeedEventKind.STATE, source="binance", code=code)])

    assert [code] == [entry.code for entry in kept()]
    assert len(code.value) <= FeedEventRow.code.type.length


@pytest.mark.parametrize("kind", list(FeedEventKind))
def test_every_kind_can_be_stored(database: None, now: datetime, kind: FeedEventKind) -> None:
    """Its column is wide enough for each name."""
    add([FeedEvent(at=now, kind=kind, source="binance")])

    assert [kind] == [entry.kind for entry in kept()]
    assert len(kind.value) <= FeedEventRow.kind.type.length


def test_the_newest_come_first_up_to_the_limit(database: None, now: datetime) -> None:
    """The event that was written last is first, also where clocks were set back meanwhile."""
    add(event(now - timedelta(seconds=second), str(second)) for second in range(5))

    assert ["4", "3", "2"] == [entry.reason for entry in kept(3)]


def test_adding_no_events(database: None) -> None:
    """The table stays empty."""
    add([])

    assert [] == kept()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("x" * 501, "x" * 500), ("a\0b\nc", "a\ufffdb\ufffdc"), ("Ω", "Ω")],
)
def test_text_from_upstreams_is_clipped(
    database: None, now: datetime, reason: str, expected: str
) -> None:
    """An upstream's text is neither too long nor able to forge a line."""
    refused = FeedEvent(
        at=now,
        kind=FeedEventKind.STATE,
        source="kraken",
        code=FeedCode.REFUSED,
        figures=FeedFigures(detail=reason),
    )
    add([event(now, reason), refused])

    assert [expected, None] == [entry.figures.detail for entry in kept()]
    assert ["", expected] == [entry.reason for entry in kept()]


def test_silence_is_stored_in_milliseconds(database: None, now: datetime) -> None:
    """None is not zero."""
    add([event(now, silent=silent) for silent in (None, 0.0, 1.2346)])

    assert [1.235, 0.0, None] == [entry.silent_seconds for entry in kept()]


def test_events_are_not_stored_before_the_caller_commits(database: None, now: datetime) -> None:
    """They are part of the caller's transaction."""
    add([event(now)])
    db.session.rollback()

    assert [] == kept()


def test_old_events_are_deleted(database: None, now: datetime) -> None:
    """Those older than KEPT_FOR, and no others."""
    ages = [timedelta(0), KEPT_FOR, KEPT_FOR + timedelta(seconds=1)]
    add(event(now - age, str(age.days)) for age in ages)
    db.session.commit()
    forget_old(now)

    assert [now - KEPT_FOR, now] == [entry.at for entry in kept()]
