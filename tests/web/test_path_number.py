import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from omcrm.storage.user import Role

WRONG = ["１２", "٣", "1_0", "+1", "-1", " 1", "1\n", "1.0", "1e1", "²", "9" * 41, "9" * 5000]


def numbered(app: Flask) -> list[Rule]:
    """The routes with a number in their path."""
    return [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]


@pytest.mark.parametrize("text", WRONG)
def test_only_plain_digits_match(app: Flask, text: str) -> None:
    """No route reads anything else as a number, and none fails for thousands of digits."""
    adapter = app.url_map.bind("localhost")
    for rule in numbered(app):
        [method, *_] = rule.methods - {"HEAD", "OPTIONS"}
        name = next(iter(name for name in rule.arguments if name.endswith("_id")))
        path = rule.rule.replace(f"<int:{name}>", text).replace("<symbol>", "BTC")

        with pytest.raises(NotFound):
            adapter.match(path, method)


def test_numbers_are_read(app: Flask) -> None:
    """Digits are read as their number."""
    adapter = app.url_map.bind("localhost")

    assert {"portfolio_id": 12} == adapter.match("/portfolio/12")[1]
    assert len(numbered(app)) > 10


@pytest.mark.parametrize("number", [2**31, 2**63, 10**39])
def test_numbers_beyond_the_ids_of_the_database(
    app: Flask,
    browser: Callable[[Role], FlaskClient],
    csrf: Callable[[FlaskClient], str],
    number: int,
) -> None:
    """Every route answers as for a missing id, and no route fails."""
    client = browser(Role.CLIENT)
    headers = {"X-CSRFToken": csrf(client)}
    statuses = set()
    for rule in numbered(app):
        [method, *_] = rule.methods - {"HEAD", "OPTIONS"}
        path = re.sub("<int:[a-z_]+>", str(number), rule.rule).replace("<symbol>", "BTC")
        json = {"quantity": 1, "average_cost": 1} if method == "PUT" else None
        statuses.add(client.open(path, method=method, json=json, headers=headers).status_code)

    assert statuses <= {302, 400, 404}
