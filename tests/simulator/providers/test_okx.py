"""OKX's protocol, over real sockets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from websocket import WebSocket, WebSocketBadStatusException, WebSocketConnectionClosedException

from simulator.providers import okx

PATH = "/okx/ws/v5/public"
TOPICS = [(channel, "BTC-USDT") for channel in ("trades", "bbo-tbt", "tickers")]


@pytest.fixture
def client(running: Any) -> WebSocket:
    """A client of the venue."""
    socket: WebSocket = running.connect(PATH)
    return socket


def send(client: WebSocket, operation: str, *topics: tuple[str, str]) -> None:
    args = [{"channel": channel, "instId": name} for channel, name in topics]
    client.send(json.dumps({"op": operation, "args": args}))


def until(client: WebSocket, wanted: Callable[[Any], bool]) -> Any:
    """The next message that `wanted` accepts."""
    while True:
        text = client.recv()
        if not text:
            raise WebSocketConnectionClosedException
        message = json.loads(text)
        if wanted(message):
            return message


def event_of(client: WebSocket, kind: str) -> Any:
    return until(client, lambda message: message.get("event") == kind)


def entry_of(client: WebSocket, channel: str) -> Any:
    message = until(
        client, lambda message: "data" in message and message["arg"]["channel"] == channel
    )
    (entry,) = message["data"]
    return entry


@pytest.mark.parametrize("path", ["/okx", "/okx/ws/v5/private", f"{PATH}/"])
def test_serves_one_path(running: Any, path: str) -> None:
    """Other paths are 404."""
    with pytest.raises(WebSocketBadStatusException) as refused:
        running.connect(path)

    assert 404 == refused.value.status_code


def test_a_ping_is_a_text(client: WebSocket) -> None:
    """And so is its answer, which is no JSON."""
    client.send("ping")

    assert "pong" == client.recv()


def test_every_topic_is_answered(client: WebSocket) -> None:
    """An unknown instrument or channel is refused alone."""
    send(client, "subscribe", TOPICS[0], ("trades", "XYZ-USDT"), ("bids", "BTC-USDT"))

    assert "BTC-USDT" == event_of(client, "subscribe")["arg"]["instId"]
    for name in ("trades,instId:XYZ-USDT", "bids,instId:BTC-USDT"):
        error = event_of(client, "error")
        assert "60018" == error["code"]
        assert name in error["msg"]


@pytest.mark.parametrize("text", ["", "x", "[]", '{"op":"login","args":[]}', '{"op":"subscribe"}'])
def test_a_malformed_request_is_refused(client: WebSocket, text: str) -> None:
    """The connection goes on."""
    client.send(text)
    client.send("ping")

    assert "60012" == event_of(client, "error")["code"]
    assert "pong" == client.recv()


def test_every_number_is_a_text(client: WebSocket) -> None:
    """Times, too, and only the number of a change of the book is none."""
    send(client, "subscribe", *TOPICS)
    trade, ticker = entry_of(client, "trades"), entry_of(client, "tickers")
    book = entry_of(client, "bbo-tbt")

    assert all(isinstance(value, str) for value in (*trade.values(), *ticker.values()))
    assert isinstance(book["seqId"], int)
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert int(trade["ts"]) > 10**12
    assert float(ticker["low24h"]) <= float(ticker["last"]) <= float(ticker["high24h"])


def test_trades_are_numbered_in_their_order(client: WebSocket) -> None:
    """Each is newer than the one before."""
    send(client, "subscribe", TOPICS[0])
    numbers = [int(entry_of(client, "trades")["tradeId"]) for _ in range(4)]

    assert sorted(set(numbers)) == numbers


def test_a_topic_can_be_ended(running: Any, client: WebSocket) -> None:
    """The others go on."""
    send(client, "subscribe", *TOPICS)
    event_of(client, "subscribe")
    send(client, "unsubscribe", TOPICS[0], TOPICS[2])
    event_of(client, "unsubscribe")
    event_of(client, "unsubscribe")
    channels = {
        until(client, lambda message: "data" in message)["arg"]["channel"] for _ in range(5)
    }

    assert {"bbo-tbt"} == channels


def test_a_connection_that_carries_nothing_is_closed(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a minute without data and pings."""
    monkeypatch.setattr(okx, "SILENT_FOR", 2)
    client = running.connect(PATH)

    with pytest.raises(WebSocketConnectionClosedException):
        until(client, lambda message: False)


def test_too_many_requests_are_refused(client: WebSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many in an hour, on one connection; pings do not count."""
    monkeypatch.setattr(okx, "REQUESTS_AN_HOUR", 2)
    for _ in range(3):
        client.send("ping")
        send(client, "unsubscribe", TOPICS[0])
    answers = [json.loads(text) for text in (client.recv() for _ in range(6)) if text != "pong"]

    assert ["unsubscribe", "unsubscribe", "error"] == [answer["event"] for answer in answers]
    assert "60014" == answers[-1]["code"]


def test_the_end_is_announced(running: Any, client: WebSocket) -> None:
    """Before an upgrade of the service."""
    running.fault("server_shutdown", venue="okx", lead=5)

    assert "64008" == event_of(client, "notice")["code"]
