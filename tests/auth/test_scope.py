import pytest

from omcrm.auth.scope import ABOUT, ADMIN_ONLY, Scope, effective, grantable


def test_the_scopes_are_the_documented_ones() -> None:
    """Programs use these names."""
    assert {
        "market:read",
        "portfolio:read",
        "portfolio:write",
        "prices:update",
        "feeds:control",
    } == {scope.value for scope in Scope}


@pytest.mark.parametrize("scope", Scope)
def test_each_scope_has_a_sentence(scope: Scope) -> None:
    """People read a sentence, not a word with a colon."""
    assert ABOUT[scope][0].isupper()
    assert ABOUT[scope].endswith(".")


def test_only_admins_may_grant_the_scopes_of_admins() -> None:
    """The form of a client does not show them."""
    assert list(Scope) == grantable(is_admin=True)
    assert set(Scope) - ADMIN_ONLY == set(grantable(is_admin=False))


@pytest.mark.parametrize(
    ("is_admin", "left"),
    [(True, {Scope.MARKET_READ, Scope.FEEDS_CONTROL}), (False, {Scope.MARKET_READ})],
)
def test_scopes_of_admins_have_no_effect_for_others(is_admin: bool, left: set[Scope]) -> None:
    """A demoted admin's token loses them, and an unknown name is ignored."""
    assert left == effective(["market:read", "feeds:control", "moon:land"], is_admin)
