from typing import Any

import pytest

from omcrm.reference.schema import PARTS
from omcrm.reference.shown import body, parts_of, words

PART = {"$ref": f"{PARTS}x.Price"}


@pytest.mark.parametrize(
    ("expected", "schema"),
    [
        ("Price", PART),
        ("number or null", {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        ("number or text", {"type": ["number", "string"]}),
        ('"a" or "b"', {"enum": ["a", "b"]}),
        ("list of Price (at most 3)", {"type": "array", "items": PART, "maxItems": 3}),
        ("object of Price by name", {"type": "object", "additionalProperties": PART}),
        ("object", {"type": "object"}),
        ("time", {"type": "string", "format": "date-time"}),
        ("text (at most 20 long)", {"type": "string", "maxLength": 20}),
        ("whole number (at least 0, at most 9)", {"type": "integer", "minimum": 0, "maximum": 9}),
        ("true or false", {"type": "boolean"}),
        ("anything", {}),
    ],
)
def test_a_type_is_told_in_words(expected: str, schema: dict[str, Any]) -> None:
    """What a reader needs to know of a value."""
    assert expected == words(schema)


def test_a_body_has_fields() -> None:
    """Looked up where it is only referred to; which of them may be absent is told."""
    schema = {
        "type": "object",
        "description": "It.",
        "properties": {"a": {"type": "array", "items": PART}, "b": {"type": "null"}},
        "required": ["a"],
    }
    found = body({"$ref": f"{PARTS}x.It"}, {"x.It": schema})

    assert ["a", "b"] == [field.name for field in found.fields]
    assert [True, False] == [field.is_required for field in found.fields]
    assert (("x.Price",), "It.") == (found.fields[0].parts, found.about)


def test_parts_are_found_however_deep_they_are() -> None:
    """Each once."""
    assert ["x.Price"] == parts_of({"anyOf": [PART, {"items": PART}]})
