from collections.abc import Callable

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from werkzeug.exceptions import TooManyRequests

from omcrm.extensions import db
from omcrm.storage.user import Role

JSON = {"Accept": "application/json"}


@pytest.fixture
def broken(app: Flask) -> None:
    """Routes that fail."""

    @app.get("/broken")
    @app.get("/webtrader/broken")
    def fail() -> str:
        raise RuntimeError("the secret inside")

    @app.get("/busy")
    def refuse() -> str:
        raise TooManyRequests(retry_after=7)

    @app.get("/teapot")
    def brew() -> str:
        abort(418)


# Pages for people


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere", "/static/nowhere.js"])
def test_an_unknown_path_is_a_page(client: FlaskClient, path: str) -> None:
    """It shows what happened and what to do."""
    answer = client.get(path)

    assert (404, "text/html") == (answer.status_code, answer.mimetype)
    assert "There is nothing here" in answer.text
    assert "Check the address" in answer.text
    assert "tokens.css" in answer.text


def test_a_stranger_gets_a_link_to_the_login_and_users_to_the_desk(
    client: FlaskClient, browser: Callable
) -> None:
    """The link leads to a page that the reader may open."""
    assert "/auth/login" in client.get("/nowhere").text
    assert "Go to the desk" in browser(Role.CLIENT).get("/nowhere").text


def test_a_form_without_its_token_has_expired(client: FlaskClient) -> None:
    """A missing CSRF token is 400, with a text for a page that was open for long."""
    answer = client.post("/auth/login", data={"email": "a@b", "password": "c"})

    assert (400, "text/html") == (answer.status_code, answer.mimetype)
    assert "This form has expired" in answer.text
    assert "Reload the page and send it again." in answer.text


def test_a_client_on_an_admins_page_is_refused(browser: Callable) -> None:
    """The page shows that it needs an administrator."""
    answer = browser(Role.CLIENT).get("/admin/feeds")

    assert (403, "text/html") == (answer.status_code, answer.mimetype)
    assert "This is not open to you" in answer.text


def test_an_error_without_a_text_of_ours_has_its_own(client: FlaskClient, broken: None) -> None:
    """Rare errors have the same page."""
    answer = client.get("/teapot")

    assert 418 == answer.status_code
    assert "teapot" in answer.text


# JSON for programs


@pytest.mark.parametrize(("path", "headers"), [("/webtrader/nowhere", {}), ("/nowhere", JSON)])
def test_an_unknown_path_is_json_to_programs(
    client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    """JSON routes, and requests that accept JSON, get the JSON of every refusal."""
    answer = client.get(path, headers=headers)

    assert 404 == answer.status_code
    assert {
        "success": False,
        "error": {"code": "NOT_FOUND", "message": "There is nothing here"},
    } == answer.json


@pytest.mark.parametrize("path", ["start_realtime_feeds", "stop_realtime_feeds"])
def test_a_missing_token_is_json_to_programs(browser: Callable, path: str) -> None:
    """An admin's session needs the page's CSRF token, too."""
    answer = browser(Role.ADMIN).post(f"/webtrader/{path}")

    assert 400 == answer.status_code
    assert (False, "CSRF_FAILED") == (answer.json["success"], answer.json["error"]["code"])


def test_a_wrong_token_is_no_token(browser: Callable) -> None:
    """Only the CSRF token of this browser's session is valid."""
    answer = browser(Role.ADMIN).post(
        "/webtrader/start_realtime_feeds", headers={"X-CSRFToken": "made up"}
    )

    assert (400, "CSRF_FAILED") == (answer.status_code, answer.json["error"]["code"])


def test_the_wrong_method_is_json_to_programs(browser: Callable) -> None:
    """A GET of a POST route is 405."""
    answer = browser(Role.ADMIN).get("/webtrader/start_realtime_feeds")

    assert (405, "METHOD_NOT_ALLOWED") == (answer.status_code, answer.json["error"]["code"])


def test_the_wrong_method_gets_the_allowed_ones(browser: Callable) -> None:
    """RFC 9110 §15.5.6: the answer has an Allow header."""
    answer = browser(Role.ADMIN).get("/webtrader/start_realtime_feeds")

    assert "POST" in answer.headers.get("Allow", "")


def test_too_large_a_request_is_refused(client: FlaskClient, csrf: Callable) -> None:
    """A body above a megabyte is not read."""
    fields = {"csrf_token": csrf(client), "email": "x" * 2_000_000}

    assert 413 == client.post("/auth/login", data=fields).status_code


def test_retry_after_is_kept(client: FlaskClient, broken: None) -> None:
    """A temporary refusal has its Retry-After header."""
    answer = client.get("/busy", headers=JSON)

    assert (429, "7") == (answer.status_code, answer.headers["Retry-After"])


# Faults of ours


@pytest.mark.parametrize("path", ["/broken", "/webtrader/broken"])
def test_an_internal_error_shows_no_details(
    client: FlaskClient, broken: None, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """The page has a plain text, the log has the traceback."""
    answer = client.get(path)

    assert 500 == answer.status_code
    assert "Something went wrong on our side" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret inside" in caplog.text


@pytest.mark.parametrize("path", ["/webtrader/dashboard", "/nowhere", "/webtrader/instruments"])
def test_a_lost_database_is_no_internal_error(
    app: Flask, browser: Callable, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """A logged-in user gets an answer although the user cannot be loaded."""
    trader = browser(Role.CLIENT)
    with app.app_context():
        db.session.execute(text("DROP TABLE login_sessions"))
        db.session.commit()
    answer = trader.get(path)

    assert (404 if path == "/nowhere" else 503) == answer.status_code
    assert "login_sessions" not in answer.text
    assert "Traceback" not in caplog.text
    assert not any(record.exc_info for record in caplog.records)


def test_a_lost_database_has_retry_after(app: Flask, browser: Callable) -> None:
    """People get a page and programs a code."""
    trader = browser(Role.CLIENT)
    with app.app_context():
        db.drop_all()
    page, answer = trader.get("/portfolio/"), trader.get("/webtrader/realtime_status")

    assert (503, "5") == (page.status_code, page.headers["Retry-After"])
    assert "The database cannot be used at the moment" in page.text
    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "DATABASE_UNAVAILABLE" == answer.json["error"]["code"]


def test_a_wrong_statement_is_an_internal_error(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """It gives 500 and a traceback."""

    @app.get("/webtrader/wrong")
    def ask() -> str:
        db.session.execute(text("SELEC 1"))
        return ""

    assert 500 == client.get("/webtrader/wrong").status_code
    assert "Traceback" in caplog.text


# Hosts that are none


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    host=st.one_of(
        st.sampled_from(["a b", "a\tb", "x:y", "[::1", "a/b", "a@b", "\x00", "é", "..", "a" * 300]),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    path=st.sampled_from(
        ["/", "/nowhere", "/api/nowhere", "/auth/login", "/webtrader/instruments"]
    ),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    accepts=st.sampled_from(["application/json", "text/html", "*/*"]),
)
def test_no_host_is_an_error_of_ours(
    client: FlaskClient, host: str, path: str, method: str, accepts: str
) -> None:
    """Whatever stands in `Host`, on every kind of route: it is refused, or it does not matter."""
    answer = client.open(
        path, method=method, headers={"Accept": accepts}, environ_overrides={"HTTP_HOST": host}
    )

    assert answer.status_code < 500
