import pytest

from omcrm.auth.next_page import local_path


@pytest.mark.parametrize("target", ["/", "/webtrader/dashboard", "/a?b=c&d=%2F#e", "/über"])
def test_pages_of_this_site_are_fine(target: str) -> None:
    """An absolute path is returned as it is."""
    assert target == local_path(target)


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "dashboard",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\x00",
        "/\x7f",
        "/\u2028",
        " /dashboard",
        "\t//evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "http:/evil.example",
        "/" + "a" * 2000,
    ],
)
def test_anything_else_is_refused(target: str | None) -> None:
    """A text that a browser could read as another site, or that is no path, is refused."""
    assert None is local_path(target)
