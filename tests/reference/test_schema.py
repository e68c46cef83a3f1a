from decimal import Decimal

from msgspec import Struct

from omcrm.reference.schema import read_schemas, written_schemas


class Amount(Struct):
    """How much.

    More about it.
    """

    value: Decimal
    kinds: tuple[str, ...] = ("one",)


def test_a_decimal_is_a_number_where_it_is_sent() -> None:
    """A received one may be a text, too."""
    _, sent = written_schemas([Amount], "x")
    _, received = read_schemas([Amount], "x")

    assert {"type": "number"} == sent["x.Amount"]["properties"]["value"]
    assert {"type": ["number", "string"]} == received["x.Amount"]["properties"]["value"]


def test_parts_are_named_with_their_prefix() -> None:
    """Parts of two sockets have different names."""
    (schema,), parts = written_schemas([list[Amount]], "x")

    assert {"$ref": "#/components/schemas/x.Amount"} == schema["items"]
    assert ["x.Amount"] == list(parts)


def test_values_are_those_of_json() -> None:
    """A default tuple is written as a list."""
    assert ["one"] == read_schemas([Amount], "x")[1]["x.Amount"]["properties"]["kinds"]["default"]


def test_a_sent_field_with_a_default_is_always_there() -> None:
    """A received one may be left out."""
    _, sent = written_schemas([Amount], "x")
    _, received = read_schemas([Amount], "x")

    assert ["value", "kinds"] == sent["x.Amount"]["required"]
    assert "default" not in sent["x.Amount"]["properties"]["kinds"]
    assert ["value"] == received["x.Amount"]["required"]
