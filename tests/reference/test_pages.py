import re
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from omcrm.reference.command import documents
from omcrm.reference.operation import operations
from omcrm.reference.registry import CHANNELS
from omcrm.storage.user import Role

Open = Callable[[Role], FlaskClient]


def test_the_page_shows_every_message_and_route(app: Flask, browser: Open) -> None:
    """All of it is in the page itself, and its links have targets."""
    page = browser(Role.CLIENT).get("/api/docs").text

    for channel in CHANNELS:
        assert f"<code>{channel.path}</code>" in page
        assert all(
            f"<code>{message.name}</code>" in page for message in channel.received + channel.sent
        )
    for operation in operations(app):
        assert f"<code>{operation.address}</code>" in page
    targets = set(re.findall(r' id="([^"]+)"', page))
    links = re.findall(r'href="#([^"]+)"', page)
    assert len(links) > 50
    assert [] == [link for link in links if link not in targets]


def test_programs_get_the_documents(app: Flask, browser: Open) -> None:
    """They are the same as the files."""
    client = browser(Role.CLIENT)

    assert documents(app)["asyncapi.yaml"] == client.get("/api/asyncapi.yaml").text
    assert documents(app)["openapi.json"] == client.get("/api/openapi.json").text


def test_strangers_are_sent_to_the_login(app: Flask) -> None:
    """People are redirected; programs get 401."""
    stranger = app.test_client()

    assert "/auth/login?next=" in stranger.get("/api/docs").location
    assert 401 == stranger.get("/api/openapi.json").status_code
