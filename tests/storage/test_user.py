from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from omcrm.extensions import db
from omcrm.storage.user import Role, User, find_user, is_email


def test_the_address_is_stored_in_lower_case(user: User) -> None:
    """An account is stored and found under one spelling of its address."""
    assert "trader@example.com" == user.email
    assert user is find_user(" TRADER@example.COM ")


def test_address_is_unique(user: User) -> None:
    """A second account with the same address is refused, in any case."""
    db.session.add(
        User(
            email="TRADER@example.com",
            password_hash="",
            role=Role.ADMIN,
            created_at=datetime.now(UTC),
        )
    )

    with pytest.raises(IntegrityError):
        db.session.commit()


def test_the_role_is_stored_by_name(user: User) -> None:
    """The column has the role's name, and is read as the role."""
    db.session.expire_all()

    assert "client" == db.session.scalar(text("SELECT role FROM users"))
    assert Role.CLIENT is user.role


def test_created_at_comes_back_aware(user: User, now: datetime) -> None:
    """The time has its zone."""
    db.session.expire_all()

    assert now == user.created_at


def test_an_unknown_address_gives_none(user: User) -> None:
    """No account has that address."""
    assert None is find_user("nobody@example.com")


@pytest.mark.parametrize("address", ["a@b", "a.b+c@example.com", "admin@desk.local", "ü@ö.de"])
def test_is_email(address: str) -> None:
    """Every possible address is accepted, also of a home network."""
    assert is_email(address)


@pytest.mark.parametrize(
    "text_", ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a\x00@b", "a\n@b", "a@" + "b" * 253]
)
def test_is_no_email(text_: str) -> None:
    """A text that is no address is refused, and never reaches the database."""
    assert not is_email(text_)
    assert None is find_user(text_) if text_.isprintable() else True
