from omcrm.storage.outside_text import clipped


def test_is_cut_to_its_length() -> None:
    """A text is no longer than its column."""
    assert "abc" == clipped("abcdef", 3)


def test_has_no_unprintable_characters() -> None:
    """Line ends and NUL cannot forge a listing or upset the database."""
    assert "a\ufffdb\ufffd ü" == clipped("a\nb\x00 ü", 10)


def test_nothing_is_an_empty_text() -> None:
    """An absent header is kept as no text."""
    assert "" == clipped(None, 10)
