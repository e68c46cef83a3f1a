"""JSON bodies that are wrong in many ways."""

import json
from collections.abc import Iterator
from typing import Any, get_type_hints

BAD_TEXTS = {
    "no UTF-8": b'"a\xffb"',
    "cut off": b'"a\xc3"',
    "NUL": rb'"a\u0000b"',
    "half": rb'"\ud800"',
    "other half": rb'"\udc00"',
    "raw NUL": b'"a\x00b"',
}
BAD_VALUES = {
    **BAD_TEXTS,
    "long": b'"' + b"x" * 3000 + b'"',
    "number": b"3",
    "huge number": b"9" * 3000,
    "huge exponent": b"1e999999999",
    "tiny exponent": b"1e-999999999",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "nothing": b"null",
    "object": b"{}",
    "deep": b"[" * 1500 + b"]" * 1500,
}
BODIES = {
    "name": "Growth", "symbol": "BTC", "symbols": ["BTC"], "quantity": 1, "average_cost": 1,
    "scopes": ["market:read"], "expires_in_days": 30, "expires_on": "2026-03-04",
}  # fmt: skip


def wrong_bodies(schema: Any) -> Iterator[tuple[str, str, bytes]]:
    """Each field of a body in each wrong way: the way, the field, the body."""
    names = list(get_type_hints(schema))
    for field in names:
        for way, value in BAD_VALUES.items():
            for value_or_list in (value, b"[" + value + b"]"):
                parts = {
                    name: value_or_list if name == field else json.dumps(BODIES[name]).encode()
                    for name in names
                }
                inside = (json.dumps(name).encode() + b":" + item for name, item in parts.items())
                yield way, field, b"{" + b",".join(inside) + b"}"
