import pytest
from msgspec import Struct

from omcrm.wire.channel import AS_TEXT, SocketMessage, summary, tagged


class Sing(Struct, tag_field="action", tag="sing"):
    """Sing a song."""


def test_a_tagged_struct_has_a_name_and_a_purpose() -> None:
    """Its tag and its docstring."""
    message = tagged(Sing, Sing(), answers=("song",))

    assert ("sing", "Sing a song.") == (message.name, message.about)
    assert (['{"action":"sing"}'], ("song",)) == (message.example_texts, message.answers)


def test_an_example_of_text_is_sent_as_it_is() -> None:
    """It is no JSON."""
    message = SocketMessage(name="symbols", body=AS_TEXT, about="", examples=("AAPL,MSFT",))

    assert ["AAPL,MSFT"] == message.example_texts


@pytest.mark.parametrize("text", ["How\n    much.\n\n    More about it.", "How much."])
def test_a_summary_is_one_line(text: str) -> None:
    """The first paragraph, with any indentation."""
    assert "How much." == summary(text)
    assert "" == summary(None)
