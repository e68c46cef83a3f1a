import pytest
from werkzeug.test import create_environ

from omcrm.auth.origin import is_foreign

DESK = "http://desk.local:5000"


def foreign(origin: str | None, public_url: str = "") -> bool:
    headers = {} if origin is None else {"Origin": origin}
    return is_foreign(create_environ("/", DESK, headers=headers), public_url)


@pytest.mark.parametrize("origin", [None, "", DESK])
def test_our_own_pages_and_programs_are_not_foreign(origin: str | None) -> None:
    """Without an Origin it is a program; with the requested host it is a page of ours."""
    assert not foreign(origin)


@pytest.mark.parametrize(
    "origin", ["null", "https://desk.local:5000", "http://desk.local", f"{DESK}.evil.example"]
)
def test_other_origins_are_foreign(origin: str) -> None:
    """Another scheme, host or port is another site."""
    assert foreign(origin)


def test_a_public_address_is_the_only_one() -> None:
    """Where it is set, the requested host does not matter."""
    assert not foreign("https://desk.example.com", "https://desk.example.com")
    assert foreign(DESK, "https://desk.example.com")
