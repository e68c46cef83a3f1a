import pytest

from omcrm.feeds.news.web_link import link_identity, web_link

BASE = "https://news.example.com/feed/secret?token=x"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://a.example.com/b?c=d#e", "https://a.example.com/b?c=d#e"),
        (" HTTP://A.Example.com:80/B ", "http://a.example.com/B"),
        ("https://a.example.com:8443/", "https://a.example.com:8443/"),
        ("https://a.example.com/?utm_source=x", "https://a.example.com/"),
        ("https://a.example.com/?a=1&utm_x=2&b=%26", "https://a.example.com/?a=1&b=%26"),
        ("/a b", "https://news.example.com/a%20b"),
        ("//b.example.com/x", "https://b.example.com/x"),
        ("x", "https://news.example.com/x"),
        ("https://a.example.com/\"'<é", "https://a.example.com/%22%27%3C%C3%A9"),
        ("https://é.example.com/", "https://xn--9ca.example.com/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://good.example.com@evil.example.com/", None),
        ("https://good.example.com\\@evil.example.com/", None),
        ("https://a.example.com:99999/", None),
        ("https://a.example.com:x/", None),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt://a.example.com/%0aalert(1)", None),
        ("java\nscript:alert(1)", None),
        ("https://a.example.com/" + "x" * 2000, None),
        ("", None),
    ],
)
def test_web_link(text: str, link: str | None) -> None:
    """Only http and https URLs, quoted so that they are safe in HTML."""
    assert link == web_link(text, BASE)


def test_without_a_base_there_is_no_relative_link() -> None:
    """An id that looks like a path is no URL."""
    assert [None, None] == [web_link(name) for name in ("a/b", "/a")]


def test_identity() -> None:
    """Scheme, final slash and fragment are ignored; the query is not."""
    same = ["http://a.example.com/x", "https://a.example.com/x/", "https://a.example.com/x#top"]

    assert 1 == len({link_identity(url) for url in same})
    assert link_identity("http://a.example.com/?a=1") != link_identity("http://a.example.com/?a=2")
