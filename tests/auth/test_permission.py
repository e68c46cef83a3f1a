import pytest

from omcrm.auth.permission import (
    ABOUT,
    PERMISSIONS,
    SCOPES,
    Permission,
    effective,
    grantable,
    least_role,
)
from omcrm.storage.user import Role

DETAILS = {Permission.FEEDS_READ, Permission.CONNECTIONS_READ}


def test_the_scopes_are_the_documented_ones() -> None:
    """Programs use these names."""
    assert [
        "market:read",
        "portfolio:read",
        "portfolio:write",
        "prices:update",
        "feeds:control",
    ] == [scope.value for scope in SCOPES]


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_has_a_sentence(scope: Permission) -> None:
    """People read a sentence, not a word with a colon."""
    assert ABOUT[scope][0].isupper()
    assert ABOUT[scope].endswith(".")


def test_each_role_may_what_the_one_before_may() -> None:
    """Staff see the feeds besides, and cannot change them; an admin may everything."""
    client, staff, admin = (PERMISSIONS[role] for role in Role)

    assert client < staff < admin
    assert {Permission.FEEDS_READ} == staff - client
    assert set(Permission) == admin


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        (Permission.MARKET_READ, Role.CLIENT),
        (Permission.FEEDS_READ, Role.STAFF),
        (Permission.FEEDS_CONTROL, Role.ADMIN),
    ],
)
def test_the_least_role_of_a_permission(permission: Permission, role: Role) -> None:
    """The first one that has it."""
    assert role is least_role(permission)


def test_only_admins_may_grant_the_scopes_of_admins() -> None:
    """The form of a client does not show them."""
    assert list(SCOPES) == grantable(Role.ADMIN)
    assert grantable(Role.CLIENT) == grantable(Role.STAFF)
    assert set(SCOPES) - {Permission.FEEDS_CONTROL} == set(grantable(Role.CLIENT))


@pytest.mark.parametrize(
    ("role", "left"),
    [
        (Role.ADMIN, {Permission.MARKET_READ, Permission.FEEDS_CONTROL} | DETAILS),
        (Role.STAFF, {Permission.MARKET_READ, Permission.FEEDS_READ}),
        (Role.CLIENT, {Permission.MARKET_READ}),
    ],
)
def test_a_token_may_no_more_than_its_account(role: Role, left: set[Permission]) -> None:
    """A demoted admin's token loses scopes, and an unknown name is ignored."""
    assert left == effective(["market:read", "feeds:control", "moon:land"], role)


@pytest.mark.parametrize("name", ["feeds:read", "connections:read", "instruments:edit"])
def test_what_is_no_scope_cannot_be_given(name: str) -> None:
    """A token that names it has nothing, also an admin's."""
    assert frozenset() == effective([name], Role.ADMIN)
