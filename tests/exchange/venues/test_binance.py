import json

import pytest


@pytest.mark.parametrize(
    "path", ["/", "/wss", "/streams", "/binance", "/binance/ws", "/api/v3/ping"]
)
def test_other_paths_are_unknown(market, path: str) -> None:
    """A WebSocket is opened at one of two paths, without the venue's name."""
    with pytest.raises(Exception, match="404"):
        market.connect(path)


def test_too_many_streams_are_refused(market) -> None:
    """A URL may name so many, and not one more."""
    names = [f"s{number}@trade" for number in range(1025)]
    with pytest.raises(Exception, match="400"):
        market.connect(f"/ws/{'/'.join(names)}")

    market.connect(f"/ws/{'/'.join(names[:1024])}")
    assert 1024 == len(market.get("/control")["connections"][0]["subscriptions"])


def test_begins_with_the_streams_of_its_url(market) -> None:
    """Bare or wrapped, as the path says, and the control tells how."""
    bare = json.loads(market.connect("/ws/btcusdt@trade").recv())
    wrapped = json.loads(market.connect("/stream?streams=btcusdt@trade").recv())
    connections = market.get("/control")["connections"]

    assert "BTCUSDT" == bare["s"]
    assert ("btcusdt@trade", "BTCUSDT") == (wrapped["stream"], wrapped["data"]["s"])
    assert [(False, False), (True, False)] == [
        (connection["combined"], connection["microseconds"]) for connection in connections
    ]
    assert [["btcusdt@trade"]] * 2 == [connection["subscriptions"] for connection in connections]


@pytest.mark.parametrize(
    ("path", "events"),
    [("/ws/nosuch@trade", ["serverShutdown"]), ("/stream?streams=nosuch@trade", [None])],
)
def test_the_end_is_announced(market, path: str, events: list[str | None]) -> None:
    """Bare or wrapped, like everything else."""
    client = market.connect(path)
    market.fault("server_shutdown", lead=5)
    told = json.loads(client.recv())

    assert events == [told.get("e")]
    assert "serverShutdown" == told.get("data", told)["e"]
    assert 13 == len(str(told.get("data", told)["E"]))


def test_commands_are_answered(market, room) -> None:
    """What they change is changed for this connection only."""
    one, two = market.connect("/ws"), market.connect("/ws")
    room.command(one, method="SUBSCRIBE", params=["a@trade", "b@trade"], id=1)
    room.command(one, method="UNSUBSCRIBE", params=["a@trade"], id=2)
    asked = [room.command(client, method="LIST_SUBSCRIPTIONS", id=3) for client in (one, two)]

    assert [["b@trade"], []] == [response["result"] for response in asked]


def test_it_sends_away_who_talks_too_much(market) -> None:
    """Its limit of frames is its own: Coinbase takes more."""
    other = market.connect("/coinbase")
    for _ in range(50):
        other.send("{}")

    assert ["error"] * 50 == [json.loads(other.recv())["type"] for _ in range(50)]
