"""Types of fields that messages share."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, UnsetType

Symbol = Annotated[str, Meta(min_length=1, max_length=20)]
"""The symbol of an instrument in a received message."""

Number = Decimal
"""A price, a size or money: an exact number in JSON."""

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A moment in UTC in a sent message: `2026-01-05T14:30:00.123Z`."""

RecordedAt = (
    Annotated[
        Time, Meta(description="When the recording began that is played; only with such prices.")
    ]
    | UnsetType
)
"""The date of a replayed price."""
