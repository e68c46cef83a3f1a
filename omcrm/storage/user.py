"""The accounts that may log in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, String, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime

EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets


class Role(StrEnum):
    """What an account may do; every account has exactly one role."""

    CLIENT = "client"
    STAFF = "staff"
    ADMIN = "admin"


def _words(roles: type[Role]) -> list[str]:
    return [role.value for role in roles]


class User(db.Model):  # type: ignore[name-defined, misc]
    """One account; its e-mail address is its unique name, stored in lower case."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=16, values_callable=_words)
    )
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @validates("email")
    def _lower_case(self, key: str, email: str) -> str:
        return same_email(email)


def same_email(email: str) -> str:
    """The spelling under which an e-mail address is stored and looked up."""
    return email.strip().lower()


def is_email(text: str) -> bool:
    """Whether the text can be an account's address; a host may have no dot, as in home networks."""
    email = same_email(text)
    local, _, domain = email.partition("@")
    if not local or not domain or "@" in domain or len(email) > EMAIL_LENGTH:
        return False
    return email.isprintable() and " " not in email


def find_user(email: str) -> User | None:
    """The account with this address, in any case; None also for a text that is no address."""
    if not is_email(email):
        return None
    return db.session.scalar(select(User).where(User.email == same_email(email)))
