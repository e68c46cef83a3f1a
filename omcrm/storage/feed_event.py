"""The events of the feeds, stored over restarts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import JSON, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind, FeedFigures
from omcrm.storage.outside_text import clipped
from omcrm.storage.types import UtcDateTime

KEPT_FOR = timedelta(days=90)
_LONGEST_TEXT = 500


class FeedEventRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One event; `event()` is the value that other modules use.

    Those that were stored before there were codes have only their sentence, in `reason`.
    """

    __tablename__ = "feed_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    kind: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(40), index=True)
    before: Mapped[str | None] = mapped_column(String(40))
    symbols: Mapped[list[str]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(500))
    silent_ms: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(String(40))
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    def event(self) -> FeedEvent:
        """The row as a value."""
        return FeedEvent(
            at=self.at,
            kind=FeedEventKind(self.kind),
            source=self.source,
            before=self.before,
            symbols=tuple(self.symbols),
            code=None if self.code is None else FeedCode(self.code),
            figures=msgspec.convert(self.figures or {}, FeedFigures),
            reason=self.reason,
            silent_seconds=None if self.silent_ms is None else self.silent_ms / 1000,
        )


def add(events: Iterable[FeedEvent]) -> None:
    """Add events to the open transaction; the caller commits."""
    db.session.add_all(
        FeedEventRow(
            at=event.at,
            kind=event.kind.value,
            source=event.source,
            before=event.before,
            symbols=list(event.symbols),
            reason=clipped(event.reason, _LONGEST_TEXT),
            code=None if event.code is None else event.code.value,
            figures=msgspec.to_builtins(_clipped_figures(event.figures)),
            silent_ms=None if event.silent_seconds is None else round(event.silent_seconds * 1000),
        )
        for event in events
    )


def _clipped_figures(figures: FeedFigures) -> FeedFigures:
    if figures.detail is None:
        return figures
    return structs.replace(figures, detail=clipped(figures.detail, _LONGEST_TEXT))


def recent(most: int) -> list[FeedEvent]:
    """The newest events, newest first."""
    rows = db.session.scalars(select(FeedEventRow).order_by(FeedEventRow.id.desc()).limit(most))
    return [row.event() for row in rows]


def forget_old(now: datetime) -> None:
    """Delete events older than KEPT_FOR; the caller commits."""
    db.session.execute(delete(FeedEventRow).where(FeedEventRow.at < now - KEPT_FOR))
