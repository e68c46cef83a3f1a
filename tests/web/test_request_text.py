from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.storage.user import Role
from omcrm.web.request_text import UnreadableText


def test_a_path_is_checked_before_its_route(client: FlaskClient) -> None:
    """Also without a login; the wrong part is named."""
    answer = client.get("/webtrader/realtime_price/a%00b")

    assert 400 == answer.status_code
    assert {
        "code": "INVALID_PAYLOAD",
        "message": "symbol: that has characters that cannot be read.",
        "field": "symbol",
    } == answer.json["error"]


@pytest.mark.parametrize("query", ["next=%00", "a=1&next=2&next=%00", "%00=1"])
def test_a_query_is_checked(client: FlaskClient, query: str) -> None:
    """All its values and names; people get a page."""
    answer = client.get(f"/auth/login?{query}")

    assert (400, "text/html") == (answer.status_code, answer.mimetype)
    assert "characters that cannot be read" in answer.text


def test_ordinary_text_is_accepted(browser: Callable, csrf: Callable, app: Flask) -> None:
    """Other alphabets, tabs and line ends are fine."""
    client = browser(Role.CLIENT)
    data = {"name": "Größe\t日本\r\n🚀", "csrf_token": csrf(client, "/portfolio/")}

    assert 302 == client.post("/portfolio/", data=data).status_code


def test_an_odd_field_name_is_not_repeated() -> None:
    """The sender may name a field with any text."""
    assert "name" == UnreadableText("name").field
    assert 400 == UnreadableText("name").code
