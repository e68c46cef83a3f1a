import html
import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from omcrm.extensions import db
from omcrm.feeds.registry import LABELS
from omcrm.services import services_of
from omcrm.storage.user import Role


@pytest.fixture
def without_tables(app: Flask) -> None:
    """A database that was never migrated."""
    with app.app_context():
        db.session.execute(text("DROP TABLE instruments"))
        db.session.commit()


def test_the_start_page_redirects_to_the_desk(client: FlaskClient) -> None:
    """And the desk redirects strangers to the login."""
    assert (302, "/webtrader/dashboard") == (
        client.get("/").status_code,
        client.get("/").location,
    )


def test_a_page_has_the_label_of_every_source(client: FlaskClient) -> None:
    """The scripts of the page name the sources as the providers declare them."""
    page = client.get("/auth/login").get_data(as_text=True)
    (content,) = re.findall(r'name="source-labels"\s+content="([^"]*)"', page)

    assert dict(LABELS) == json.loads(html.unescape(content))


def test_healthz_of_a_running_process(client: FlaskClient) -> None:
    """It is open to strangers."""
    answer = client.get("/healthz")

    assert (200, {"status": "ok"}) == (answer.status_code, answer.json)


def test_healthz_needs_no_database(client: FlaskClient, without_tables: None) -> None:
    """A process without a database is alive, and must not be killed."""
    assert 200 == client.get("/healthz").status_code


def test_readyz_of_a_ready_process(client: FlaskClient) -> None:
    """The database can be used and the feeds have no failure."""
    answer = client.get("/readyz")

    assert (200, {"status": "ready"}) == (answer.status_code, answer.json)


def test_readyz_names_the_database(client: FlaskClient, without_tables: None) -> None:
    """A missing table is the database's failure; the answer has no details."""
    answer = client.get("/readyz")

    assert 503 == answer.status_code
    assert {"status": "unavailable", "failing": ["database"]} == answer.json


def test_readyz_names_the_feed(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds that should stream and do not are named, without the reason."""
    monkeypatch.setattr(services_of(app).engine, "failure", lambda: "no source from secret.host")
    answer = client.get("/readyz")

    assert 503 == answer.status_code
    assert {"status": "unavailable", "failing": ["feed"]} == answer.json


def test_readyz_names_all_failing_parts(
    app: Flask, client: FlaskClient, without_tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failure does not hide another."""
    monkeypatch.setattr(services_of(app).engine, "failure", lambda: "no source is streaming")

    assert ["database", "feed"] == client.get("/readyz").json["failing"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_not_cached(client: FlaskClient, path: str) -> None:
    """A proxy must not answer from its cache."""
    assert "no-store" == client.get(path).headers["Cache-Control"]


def test_health_has_no_limit(client: FlaskClient, browser: Callable) -> None:
    """Any number of requests, logged in or not."""
    for prober in (client, browser(Role.CLIENT)):
        assert {200} == {prober.get("/healthz").status_code for _ in range(100)}
