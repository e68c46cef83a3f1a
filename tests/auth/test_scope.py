import pytest

from omcrm.auth.scope import ABOUT, ADMIN_ONLY, Scope, effective, offered


def test_the_words_are_the_documented_ones() -> None:
    """Programs write these words."""
    assert {
        "market:read",
        "portfolio:read",
        "portfolio:write",
        "prices:update",
        "feeds:control",
    } == {scope.value for scope in Scope}


@pytest.mark.parametrize("scope", Scope)
def test_each_has_a_sentence(scope: Scope) -> None:
    """People read a sentence, not a word with a colon."""
    assert ABOUT[scope][0].isupper()
    assert ABOUT[scope].endswith(".")


def test_only_admins_may_give_what_is_for_admins() -> None:
    """The form of a client does not even offer it."""
    assert list(Scope) == offered(is_admin=True)
    assert set(Scope) - ADMIN_ONLY == set(offered(is_admin=False))


@pytest.mark.parametrize(
    ("is_admin", "left"),
    [(True, {Scope.MARKET_READ, Scope.FEEDS_CONTROL}), (False, {Scope.MARKET_READ})],
)
def test_what_is_for_admins_has_no_effect_for_others(is_admin: bool, left: set[Scope]) -> None:
    """A demoted admin's token loses it, and a word that no version knows means nothing."""
    assert left == effective(["market:read", "feeds:control", "moon:land"], is_admin)
