import pytest

from omcrm.feeds.news.source_list import NewsSource, news_sources, read_urls

ONE, TWO = "https://www.example.com/rss?a=1", "http://127.0.0.1:8000/atom"


def test_urls_are_read() -> None:
    """Separated by commas, without duplicates, in their order."""
    assert (ONE, TWO) == read_urls(f" {ONE} ,, {TWO},{ONE}")
    assert () == read_urls("") == read_urls(" , ")


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "file:///etc/passwd",
        "https://user:secret@example.com/",
        "https://example.com/a b",
        "https://example.com/\n/x",
        "https://é.example.com/",
        "https://example.com:99999/",
        "http://[::1",
        ",".join(f"https://example.com/{n}" for n in range(21)),
    ],
)
def test_what_cannot_be_asked_is_refused(text: str) -> None:
    """The error does not repeat a secret."""
    with pytest.raises(ValueError) as error:
        read_urls(text)

    assert "secret" not in str(error.value)


def test_sources_are_named_by_their_hosts() -> None:
    """Neither the path nor the query is in the name."""
    assert ["example.com", "127.0.0.1"] == [source.name for source in news_sources((ONE, TWO))]


def test_a_demonstration_has_the_exchange_s() -> None:
    """The exchange's news are used only without other sources."""
    simulated = NewsSource("http://127.0.0.1:9/news/rss", "simulated")

    assert (simulated,) == news_sources((), "ws://127.0.0.1:9")
    assert () == news_sources(())
    assert [TWO] == [source.url for source in news_sources((TWO,), "ws://127.0.0.1:9")]
