import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from msgspec import Struct

from omcrm.auth.access import refused
from omcrm.auth.json_answer import json_answer
from omcrm.auth.json_route import answers, takes
from omcrm.errors import AccessRefused
from omcrm.wire.answer import JsonDone, JsonRefused


class Order(Struct, frozen=True):
    """A body."""

    symbol: str


class OrderMade(JsonDone, frozen=True, kw_only=True):
    """An answer."""

    id: int
    symbol: str


@answers(OrderMade, 201, refusals={409: "It was sent already."})
@takes(Order, 40)
def make_order(body: Order, number: int) -> OrderMade | Response:
    """Send an order."""
    if body.symbol == "none":
        return json_answer(JsonDone(), 202)
    return OrderMade(id=number, symbol=body.symbol)


@pytest.fixture
def client() -> FlaskClient:
    """A browser of an app with this route only."""
    app = Flask(__name__)
    app.errorhandler(AccessRefused)(refused)
    app.post("/orders/<int:number>")(make_order)
    return app.test_client()


def test_the_answer_is_what_the_view_returns(client: FlaskClient) -> None:
    """As JSON, fields in their order, with the stated status."""
    answer = client.post("/orders/7", data='{"symbol":"BTC"}')

    assert (201, "application/json") == (answer.status_code, answer.mimetype)
    assert b'{"success":true,"id":7,"symbol":"BTC"}' == answer.data


def test_a_response_is_sent_as_it_is(client: FlaskClient) -> None:
    """With its own status."""
    assert 202 == client.post("/orders/7", data='{"symbol":"none"}').status_code


def test_the_body_is_read_as_the_stated_type(client: FlaskClient) -> None:
    """A wrong one is refused with its field, a long one with 413."""
    wrong = client.post("/orders/7", data='{"symbol":7}')

    assert (400, "symbol") == (wrong.status_code, wrong.json["error"]["field"])
    assert 413 == client.post("/orders/7", data=b" " * 41).status_code


def test_the_route_says_what_was_stated() -> None:
    """Also through other decorators, which keep the view's attributes."""
    route = make_order.json_route  # type: ignore[attr-defined]

    assert (OrderMade, 201, Order, JsonRefused) == (
        route.answer,
        route.status,
        route.body,
        route.refused_as,
    )
    assert {409: "It was sent already."} == route.refusals
