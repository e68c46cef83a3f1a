import json
import re
from collections.abc import Callable
from html import unescape

from flask import Flask
from flask.testing import FlaskClient

from omcrm.gateways.registry import DIALECTS
from omcrm.reference.registry import CHANNELS
from omcrm.reference.socket_test import page_data
from omcrm.storage.user import Role


def test_every_message_has_a_preset() -> None:
    """Of every raw WebSocket, at its path."""
    by_dialect = {preset["name"]: preset for preset in page_data(CHANNELS)["channels"]}

    assert {dialect.channel.name for dialect in DIALECTS} == by_dialect.keys()
    for channel in CHANNELS:
        if channel.namespace is None:
            names = {preset["name"] for preset in by_dialect[channel.name]["presets"]}
            assert {message.name for message in channel.received} == names


def test_the_page_has_the_presets(browser: Callable[[Role], FlaskClient]) -> None:
    """As data attributes, which the Content-Security-Policy allows."""
    page = browser(Role.CLIENT).get("/realtime/test/").text

    (text,) = re.findall(r'data-channels="([^"]*)"', page)
    assert page_data(CHANNELS)["channels"] == json.loads(unescape(text))


def test_it_is_for_people_who_are_logged_in(app: Flask) -> None:
    """Others are redirected to the login, and back."""
    assert "next=/realtime/test/" in app.test_client().get("/realtime/test/").location
