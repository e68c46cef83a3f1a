import pytest

from omcrm.feeds.news.plain_text import plain


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("  a \n\t b  ", "a b"),
        ("<p>One</p><p>two</p>", "One two"),
        ("Ap<b>p</b>le", "Apple"),
        ("a<br/>b", "a b"),
        ("AT&amp;T &amp;amp; co", "AT&T &amp; co"),
        ("1 < 2 > 0 & 3", "1 < 2 > 0 & 3"),
        ("a<!-- <b>x</b> -->b", "ab"),
        ("a<!-- x", "a"),
        ("a<style>p{}</style>b<SCRIPT x>1</script >c", "abc"),
        ("a <img src='x", "a"),
        ("a\x00b\x07c\x1b[31m", "ab c [31m"),
        ("a\u202eb\u200bc\ufeff", "abc"),
        ("&#x202e;x&#0;", "x\ufffd"),
        ("x&#" + "9" * 7000 + ";y", "x\ufffdy"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("مرحبا", "مرحبا"),
        ("<\u200bb>x&lt;\x00script y", "x"),
    ],
)
def test_plain(text: str, read: str) -> None:
    """Markup, control and invisible characters are removed; other text is unchanged."""
    assert read == plain(text, 1000)


def test_is_cut_between_words() -> None:
    """An ellipsis marks the cut; a too long word is cut inside."""
    assert "one two…" == plain("one two three", 10)
    assert "xxxxxxxxx…" == plain("x" * 50, 10)
    assert "one two" == plain("one two", 7)
