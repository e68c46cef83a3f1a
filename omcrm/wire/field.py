"""Types of fields that messages share."""

from typing import Annotated

from msgspec import Meta

Number = float
"""A price, a size or money in a sent message, written from an exact decimal."""

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A moment in UTC in a sent message: `2026-01-05T14:30:00.123Z`."""
