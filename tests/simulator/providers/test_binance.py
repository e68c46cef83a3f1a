import json

import pytest


@pytest.mark.parametrize(
    "path", ["/", "/wss", "/streams", "/binance", "/binance/ws", "/api/v3/ping"]
)
def test_other_paths_are_unknown(running, path: str) -> None:
    """A WebSocket is opened at one of two paths, without the provider's name."""
    with pytest.raises(Exception, match="404"):
        running.connect(path)


def test_too_many_streams_are_refused(running) -> None:
    """A URL may name 1024 streams."""
    names = [f"s{number}@trade" for number in range(1025)]
    with pytest.raises(Exception, match="400"):
        running.connect(f"/ws/{'/'.join(names)}")

    running.connect(f"/ws/{'/'.join(names[:1024])}")
    assert 1024 == len(running.get("/control")["connections"][0]["subscriptions"])


def test_begins_with_the_streams_of_its_url(running) -> None:
    """Bare or combined, by the path, as `GET /control` shows."""
    bare = json.loads(running.connect("/ws/btcusdt@trade").recv())
    wrapped = json.loads(running.connect("/stream?streams=btcusdt@trade").recv())
    connections = running.get("/control")["connections"]

    assert "BTCUSDT" == bare["s"]
    assert ("btcusdt@trade", "BTCUSDT") == (wrapped["stream"], wrapped["data"]["s"])
    assert [False, True] == [connection["combined"] for connection in connections]
    assert [["btcusdt@trade"]] * 2 == [connection["subscriptions"] for connection in connections]


@pytest.mark.parametrize(
    ("path", "events"),
    [("/ws/nosuch@trade", ["serverShutdown"]), ("/stream?streams=nosuch@trade", [None])],
)
def test_the_end_is_announced(running, path: str, events: list[str | None]) -> None:
    """Bare or combined, as all events."""
    client = running.connect(path)
    running.fault("server_shutdown", lead=5)
    fields = json.loads(client.recv())

    assert events == [fields.get("e")]
    assert "serverShutdown" == fields.get("data", fields)["e"]
    assert 13 == len(str(fields.get("data", fields)["E"]))


def test_commands_are_answered(running, room) -> None:
    """They change this connection only."""
    one, two = running.connect("/ws"), running.connect("/ws")
    room.command(one, method="SUBSCRIBE", params=["a@trade", "b@trade"], id=1)
    room.command(one, method="UNSUBSCRIBE", params=["a@trade"], id=2)
    asked = [room.command(client, method="LIST_SUBSCRIPTIONS", id=3) for client in (one, two)]

    assert [["b@trade"], []] == [response["result"] for response in asked]


def test_too_many_frames_end_the_connection(running) -> None:
    """The limit is Binance's own: Coinbase accepts more."""
    other = running.connect("/coinbase")
    for _ in range(50):
        other.send("{}")

    assert ["error"] * 50 == [json.loads(other.recv())["type"] for _ in range(50)]
