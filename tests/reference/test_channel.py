from msgspec import Struct

from omcrm.reference.channel import tagged


class Sing(Struct, tag_field="action", tag="sing"):
    """Sing a song."""


def test_a_tagged_struct_has_a_name_and_a_purpose() -> None:
    """Its tag and its docstring."""
    message = tagged(Sing, '{"action":"sing"}', answers=("song",))

    assert ("sing", "Sing a song.") == (message.name, message.about)
    assert (('{"action":"sing"}',), ("song",)) == (message.examples, message.answers)
