import pytest

from omcrm.storage.outside_text import clipped, is_readable


def test_is_cut_to_its_length() -> None:
    """A text is no longer than its column."""
    assert "abc" == clipped("abcdef", 3)


def test_has_no_unprintable_characters() -> None:
    """Line ends cannot forge a listing, and no NUL reaches the database."""
    assert "a\ufffdb\ufffd ü" == clipped("a\nb\x00 ü", 10)


def test_none_is_an_empty_text() -> None:
    """An absent header is stored as an empty text."""
    assert "" == clipped(None, 10)


@pytest.mark.parametrize("text", ["\x00", "\ufffd"])
def test_broken_text_is_not_readable(text: str) -> None:
    """NUL, lone surrogates, and the replacement of invalid UTF-8."""
    assert not is_readable(text)
    assert not is_readable(f"ab{text}cd")
    assert not is_readable("\ud800")
    assert not is_readable("a\udfff")


@pytest.mark.parametrize("text", ["", "Größe", "a\tb", "a\r\nb", "日本 🚀", "\u202e"])
def test_ordinary_text_is_readable(text: str) -> None:
    """Also with tabs and line ends."""
    assert is_readable(text)
