"""Whether an administrator has stopped the feeds."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime

_ONLY = 1


class FeedSwitch(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """The one row that stores it, over restarts and for every process."""

    __tablename__ = "feed_switch"

    id: Mapped[int] = mapped_column(primary_key=True)
    stopped: Mapped[bool]
    changed_by: Mapped[int | None]
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


def are_stopped() -> bool:
    """Whether the feeds must stay stopped until an administrator starts them."""
    switch = db.session.get(FeedSwitch, _ONLY)
    return switch is not None and switch.stopped


def remember(stopped: bool, user_id: int | None, now: datetime) -> None:
    """Store whether the feeds are stopped; the caller commits."""
    switch = db.session.get(FeedSwitch, _ONLY) or FeedSwitch(id=_ONLY)
    switch.stopped, switch.changed_by, switch.changed_at = stopped, user_id, now
    db.session.add(switch)
