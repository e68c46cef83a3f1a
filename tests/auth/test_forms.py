import pytest
from flask import Flask

from omcrm.auth.forms import LoginForm


@pytest.mark.parametrize(
    ("email", "password", "valid"),
    [
        ("a@b", "x", True),
        ("a" * 254, "x" * 1024, True),
        ("", "x", False),
        ("a@b", "", False),
        ("a" * 255, "x", False),
        ("a@b", "x" * 1025, False),
    ],
)
def test_both_are_needed_and_bounded(app: Flask, email: str, password: str, valid: bool) -> None:
    """An empty or endless field is refused before any account is looked up."""
    with app.test_request_context(method="POST", data={"email": email, "password": password}):
        form = LoginForm(meta={"csrf": False})

        assert valid is form.validate()


def test_password_is_never_sent_back(app: Flask) -> None:
    """A form that is shown again has an empty password."""
    with app.test_request_context(method="POST", data={"email": "a@b", "password": "secret"}):
        assert "secret" not in LoginForm().password()
