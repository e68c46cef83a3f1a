import json
from typing import Any

import pytest

from simulator.command_frame import answer


class Client:
    """A subscriber that stores its streams."""

    def __init__(self) -> None:
        self.subscriptions: list[str] = []

    def subscribe(self, streams: list[str]) -> None:
        """Add streams."""
        self.subscriptions += streams

    def unsubscribe(self, streams: list[str]) -> None:
        """Drop streams."""
        self.subscriptions = [name for name in self.subscriptions if name not in streams]


def send_text(client: Client, text: str | dict[str, Any]) -> Any:
    """The answer to one command."""
    raw = text if isinstance(text, str) else json.dumps(text)
    return json.loads(answer(client, raw.encode()))


def test_the_documented_conversation() -> None:
    """Each command of the documentation gets its documented answer."""
    client = Client()
    streams = ["btcusdt@trade", "ethusdt@bookTicker"]

    assert {"result": None, "id": 7} == send_text(
        client, {"method": "SUBSCRIBE", "params": streams, "id": 7}
    )
    assert {"result": None, "id": "a1"} == send_text(
        client, {"method": "UNSUBSCRIBE", "params": streams[1:], "id": "a1"}
    )
    assert {"result": streams[:1], "id": 8} == send_text(
        client, {"method": "LIST_SUBSCRIPTIONS", "id": 8}
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
    ],
)
def test_errors_have_binances_codes_and_texts(text: str, code: int, words: str) -> None:
    """And no error ends the connection."""
    error = send_text(Client(), text)

    assert code == error["code"]
    assert words in error["msg"]


def test_the_1025th_stream_is_refused() -> None:
    """A connection may have 1024 streams, and keeps those."""
    client = Client()
    streams = [f"s{number}@trade" for number in range(1025)]
    accepted = send_text(client, {"method": "SUBSCRIBE", "params": streams[:1024], "id": 1})
    refused = send_text(client, {"method": "SUBSCRIBE", "params": streams[1024:], "id": 2})

    assert {"result": None, "id": 1} == accepted
    assert 2 == refused["code"]
    assert 1024 == len(client.subscriptions)
