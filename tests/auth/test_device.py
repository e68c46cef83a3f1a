from collections.abc import Iterator
from datetime import datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from flask import Flask, Response

from omcrm.auth.device import LIFETIME, cookie_name, known_device, remember_device
from omcrm.storage.user import User

EMAIL, OTHER = "trader@example.com", "boss@example.com"
NOBODY = "nobody@example.com"


def given_cookie(app: Flask, user: User, now: datetime, base: str = "http://localhost") -> str:
    """The header that sets the cookie of a known browser."""
    answer = Response()
    with app.test_request_context(base_url=base):
        remember_device(answer, user, now)
    return answer.headers["Set-Cookie"]


def cookies_of(header: str) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(header).items()}


@pytest.fixture
def app() -> Iterator[Flask]:
    """An app with nothing but the key that signs cookies."""
    app = Flask("device-test")
    app.config["SECRET_KEY"] = "a key that only this test has, long enough"
    with app.app_context():
        yield app


@pytest.fixture
def user() -> User:
    """The account of a trader."""
    return User(id=1, email=EMAIL, password_hash="a hash")


def test_is_known_for_half_a_year(app: Flask, user: User, now: datetime) -> None:
    """A browser is known until the cookie expires, in any spelling of the e-mail."""
    cookies = cookies_of(given_cookie(app, user, now))
    device = known_device(cookies, " Trader@Example.COM", user, now)

    assert 32 == len(device)
    assert device == known_device(cookies, EMAIL, user, now + LIFETIME - timedelta(seconds=1))
    assert None is known_device(cookies, EMAIL, user, now + LIFETIME)


@pytest.mark.parametrize(
    ("base", "public_url_is_https", "secure"),
    [
        ("http://localhost", False, False),
        ("https://localhost", False, True),
        ("http://localhost", True, True),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    app: Flask, user: User, now: datetime, base: str, public_url_is_https: bool, secure: bool
) -> None:
    """It is sent to the login page alone, hidden from scripts, and only over https if possible."""
    app.config["SESSION_COOKIE_SECURE"] = public_url_is_https
    _, *attributes = given_cookie(app, user, now, base).split("; ")
    expected = {"HttpOnly", "SameSite=Lax", "Path=/auth/login", f"Max-Age={180 * 86_400}"}

    assert expected | ({"Secure"} if secure else set()) == {
        attribute for attribute in attributes if not attribute.startswith("Expires=")
    }


def test_is_known_to_its_own_account_only(app: Flask, user: User, now: datetime) -> None:
    """The cookie of one account is not valid for another, nor for one that does not exist."""
    [cookie] = cookies_of(given_cookie(app, user, now)).values()
    other = User(id=2, email=OTHER, password_hash="a hash")

    assert None is known_device({cookie_name(OTHER): cookie}, OTHER, other, now)
    assert None is known_device({cookie_name(NOBODY): cookie}, NOBODY, None, now)


@pytest.mark.parametrize("text", ["", "x", "a.b", "\udcff", "WyJ4Iiwx.x" * 1000, None])
def test_forged_cookies_are_none(app: Flask, user: User, now: datetime, text: str | None) -> None:
    """A cookie that was not signed here, or was changed, is ignored."""
    [cookie] = cookies_of(given_cookie(app, user, now)).values()
    forged = cookie[::-1] if text is None else text

    assert None is known_device({cookie_name(EMAIL): forged}, EMAIL, user, now)
    assert None is known_device({cookie_name(NOBODY): forged}, NOBODY, None, now)


def test_a_cookie_of_another_key_is_ignored(app: Flask, user: User, now: datetime) -> None:
    """A cookie that another installation signed is not valid here."""
    cookies = cookies_of(given_cookie(app, user, now))
    app.config["SECRET_KEY"] = "another key that is long enough for anybody"

    assert None is known_device(cookies, EMAIL, user, now)


def test_a_new_password_ends_it(app: Flask, user: User, now: datetime) -> None:
    """After a change of the password no browser is known."""
    cookies = cookies_of(given_cookie(app, user, now))
    user.password_hash = "another hash"

    assert None is known_device(cookies, EMAIL, user, now)


def test_a_known_browser_keeps_its_id(app: Flask, user: User, now: datetime) -> None:
    """Each login prolongs the cookie; failures are counted for the same browser as before."""
    cookies = cookies_of(given_cookie(app, user, now))
    answer, later = Response(), now + timedelta(days=100)
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    with app.test_request_context(headers={"Cookie": header}):
        remember_device(answer, user, later)
    renewed = cookies_of(answer.headers["Set-Cookie"])

    assert renewed != cookies
    assert known_device(cookies, EMAIL, user, now) == known_device(renewed, EMAIL, user, later)
    assert known_device(renewed, EMAIL, user, now + timedelta(days=200))
