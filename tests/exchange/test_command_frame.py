import json
from typing import Any

import pytest

from omcrm.exchange.command_frame import answer


class Client:
    """A subscriber that only remembers."""

    def __init__(self) -> None:
        self.combined = False
        self.subscriptions: list[str] = []

    def subscribe(self, streams: list[str]) -> None:
        """Add streams."""
        self.subscriptions += streams

    def unsubscribe(self, streams: list[str]) -> None:
        """Drop streams."""
        self.subscriptions = [name for name in self.subscriptions if name not in streams]


def say(client: Client, text: str | dict[str, Any]) -> Any:
    """The answer to one command."""
    raw = text if isinstance(text, str) else json.dumps(text)
    return json.loads(answer(client, raw.encode()))


def test_the_documented_conversation() -> None:
    """Each command of the documentation gets its documented answer."""
    client = Client()
    streams = ["btcusdt@trade", "ethusdt@bookTicker"]

    assert {"result": None, "id": 7} == say(
        client, {"method": "SUBSCRIBE", "params": streams, "id": 7}
    )
    assert {"result": None, "id": "a1"} == say(
        client, {"method": "UNSUBSCRIBE", "params": streams[1:], "id": "a1"}
    )
    assert {"result": streams[:1], "id": 8} == say(
        client, {"method": "LIST_SUBSCRIPTIONS", "id": 8}
    )
    assert {"result": None, "id": 9} == say(
        client, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 9}
    )
    assert {"result": True, "id": None} == say(
        client, {"method": "GET_PROPERTY", "params": ["combined"], "id": None}
    )


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("hello", 3, "Invalid JSON: expected value at line 1 column 1"),
        ("", 3, "Invalid JSON: expected value at line 1 column 1"),
        ("[" * 5000, 3, "Invalid JSON"),
        ("[1]", 2, "Invalid request: invalid type"),
        ('{"params":[],"id":1}', 2, "Invalid request: missing field `method` at line 1 column 20"),
        ('{"method":"SUBSCRIB","id":1}', 2, "unknown variant `SUBSCRIB`, expected one of `SUB"),
        ('{"method":{"a":1},"id":1}', 2, "unknown variant"),
        ('{"method":"SUBSCRIBE","id":1}', 2, "missing field `params`"),
        ('{"method":"SUBSCRIBE","params":[5],"id":1}', 2, "array of strings"),
        ('{"method":"LIST_SUBSCRIPTIONS","id":1.5}', 2, "request ID"),
        ('{"method":"LIST_SUBSCRIPTIONS","id":true}', 2, "request ID"),
        ('{"method":"LIST_SUBSCRIPTIONS","id":"%s"}' % ("x" * 37), 2, "request ID"),
        ('{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775808}', 2, "request ID"),
        ('{"method":"SET_PROPERTY","params":["x",true],"id":9}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":9}', 1, "expected Boolean"),
        ('{"method":"SET_PROPERTY","params":["combined",true,1],"id":9}', 2, "too many parameters"),
        ('{"method":"SET_PROPERTY","params":[],"id":9}', 2, "too few parameters"),
        ('{"method":"GET_PROPERTY","params":[5],"id":9}', 2, "property name must be a string"),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":9}', 2, "too many parameters"),
        ('{"method":"GET_PROPERTY","id":9}', 2, "too few parameters"),
    ],
)
def test_each_mistake_has_its_error(text: str, code: int, words: str) -> None:
    """Errors have Binance's codes and words, and no mistake ends the connection."""
    error = say(Client(), text)

    assert code == error["code"]
    assert words in error["msg"]


def test_only_an_unknown_property_echoes_the_id() -> None:
    """The other errors of the documentation come without one."""

    assert 9 == say(Client(), {"method": "GET_PROPERTY", "params": ["x"], "id": 9})["id"]
    assert "id" not in say(Client(), {"method": "NO", "id": 9})


def test_the_1025th_stream_is_refused() -> None:
    """A connection receives 1024 streams at most, and keeps those it has."""
    client = Client()
    streams = [f"s{number}@trade" for number in range(1025)]
    accepted = say(client, {"method": "SUBSCRIBE", "params": streams[:1024], "id": 1})
    refused = say(client, {"method": "SUBSCRIBE", "params": streams[1024:], "id": 2})

    assert {"result": None, "id": 1} == accepted
    assert 2 == refused["code"]
    assert 1024 == len(client.subscriptions)
