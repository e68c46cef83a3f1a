from typing import Any

import pytest

from omcrm.reference.schema import PARTS
from omcrm.reference.shown import body, code_spans, expanded_body, part_names, parts, words

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
def test_a_type_in_words(expected: str, schema: dict[str, Any]) -> None:
    """Its kind and its bounds."""
    assert expected == words(schema)


def test_a_body_has_fields() -> None:
    """Looked up where the schema is a reference; each shows whether it is required."""
    schema = {
        "type": "object",
        "description": "It.",
        "properties": {"a": {"type": "array", "items": PART}, "b": {"type": "null"}},
        "required": ["a"],
    }
    content = body({"$ref": f"{PARTS}x.It"}, {"x.It": schema})

    assert ["a", "b"] == [field.name for field in content.fields]
    assert [True, False] == [field.is_required for field in content.fields]
    assert (("x.Price",), "It.") == (content.fields[0].parts, content.about)


def test_the_fields_of_a_part_stand_after_its_field() -> None:
    """Of those that are an object themselves, not a list of objects."""
    schema = {"properties": {"data": PART, "more": {"type": "array", "items": PART}}}
    price = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
    content = expanded_body(schema, {"x.Price": price})

    assert [("data", "Price"), ("data.amount", "number"), ("more", "list of Price")] == [
        (field.name, field.words) for field in content.fields
    ]
    assert ["x.Price"] == list(parts({"x.Price": price}, [schema]))


def test_part_names_are_collected_at_any_depth() -> None:
    """Each name once."""
    assert ["x.Price"] == part_names({"anyOf": [PART, {"items": PART}]})


def test_names_between_backticks_are_code() -> None:
    """And whatever else is in the text stays text."""
    assert "&lt;b&gt; of <code>seq &lt; 1</code> &amp; `" == code_spans("<b> of `seq < 1` & `")
