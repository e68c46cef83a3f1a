import pytest

from omcrm.storage.outside_text import clipped, is_readable


def test_is_cut_to_its_length() -> None:
    """A text is no longer than its column."""
    assert "abc" == clipped("abcdef", 3)


def test_has_no_unprintable_characters() -> None:
    """Line ends and NUL cannot forge a listing or upset the database."""
    assert "a\ufffdb\ufffd ü" == clipped("a\nb\x00 ü", 10)


def test_nothing_is_an_empty_text() -> None:
    """An absent header is kept as no text."""
    assert "" == clipped(None, 10)


@pytest.mark.parametrize("text", ["\x00", "\ufffd"])
def test_what_nobody_means_is_not_readable(text: str) -> None:
    """NUL, halves of characters, and what was no UTF-8."""
    assert not is_readable(text)
    assert not is_readable(f"ab{text}cd")
    assert not is_readable("\ud800")
    assert not is_readable("a\udfff")


@pytest.mark.parametrize("text", ["", "Größe", "a\tb", "a\r\nb", "日本 🚀", "\u202e"])
def test_what_people_write_is_readable(text: str) -> None:
    """Tabs and line ends are tidied by those who read on."""
    assert is_readable(text)
