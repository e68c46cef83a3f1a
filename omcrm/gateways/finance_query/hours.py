"""The state of the stock exchange, in this dialect's terms."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from omcrm.market.instrument import AssetClass
from omcrm.market.session import SessionState, session_state
from omcrm.streaming.wire import iso

_NEW_YORK = ZoneInfo("America/New_York")
_NOON = 12
_EARLY_CLOSE = "Early Close"


def hours(now: datetime) -> dict[str, Any]:
    """Status, reason and time; only the regular session counts as open."""
    state = session_state(AssetClass.STOCK, now)
    return {"status": _status(state), "reason": _reason(state, now), "timestamp": iso(now)}


def _status(state: SessionState) -> str:
    if not state.is_open:
        return "Closed"
    return _EARLY_CLOSE if state.reason.startswith(_EARLY_CLOSE) else "Open"


def _reason(state: SessionState, now: datetime) -> str:
    """The session's reason; nights between trading days are `Pre-market` or `After-hours`."""
    if not state.reason.startswith("Closed"):
        return state.reason
    is_morning = now.astimezone(_NEW_YORK).hour < _NOON
    return state.reason.replace("Closed", "Pre-market" if is_morning else "After-hours", 1)
