import json
import time

from websocket import ABNF

from tests.processes import PATIENCE


def test_subscriptions_are_acknowledged_known_or_not(market, room) -> None:
    """Any name is acknowledged and listed; an unknown one stays silent."""
    client = market.connect()
    names = ["btcusdt@bookTicker", "nosuch@trade", "BTCUSDT@trade"]

    assert {"result": None, "id": 1} == room.command(client, method="SUBSCRIBE", params=names, id=1)
    assert {"result": names, "id": 2} == room.command(client, method="LIST_SUBSCRIPTIONS", id=2)
    message = room.next_message(client, lambda message: True)
    assert ["u", "s", "b", "B", "a", "A"] == list(message)


def test_a_combined_connection_wraps_events_but_not_answers(market, room) -> None:
    """Events say their stream, replies come bare, and the wrapping can be switched off."""
    client = market.connect("/stream?streams=eurusd@bookTicker")
    wrapped = room.next_message(client, lambda message: True)
    answer = room.command(client, method="SET_PROPERTY", params=["combined", False], id=5)
    bare = room.next_message(client, lambda message: "stream" not in message)

    assert "eurusd@bookTicker" == wrapped["stream"]
    assert "EURUSD" == wrapped["data"]["s"]
    assert {"result": None, "id": 5} == answer
    assert "EURUSD" == bare["s"]


def test_unsubscribing_ends_a_stream(market, room) -> None:
    """After UNSUBSCRIBE only answers come."""
    client = market.connect("/ws/btcusdt@bookTicker")
    room.next_message(client, lambda message: "u" in message)
    room.command(client, method="UNSUBSCRIBE", params=["btcusdt@bookTicker"], id=1)

    assert {"result": [], "id": 2} == json.loads(
        [client.send('{"method":"LIST_SUBSCRIPTIONS","id":2}'), client.recv()][1]
    )


def test_microseconds_on_request(market, room) -> None:
    """With timeUnit every time has sixteen digits, and the trade id stays."""
    client = market.connect("/ws/btcusdt@trade?timeUnit=MICROSECOND")
    trade = room.next_message(client, lambda message: True)

    assert (16, 16, 13) == (len(str(trade["E"])), len(str(trade["T"])), len(str(trade["t"])))


def test_a_client_ping_is_answered(market) -> None:
    """The payload comes back."""
    client = market.connect()
    client.ping("hello")
    opcode, payload = client.recv_data(control_frame=True)

    assert (ABNF.OPCODE_PONG, b"hello") == (opcode, payload)


def test_a_command_may_come_in_fragments(market) -> None:
    """Continuation frames make one command."""
    client = market.connect()
    client.send_frame(ABNF.create_frame('{"method":"LIST_', ABNF.OPCODE_TEXT, fin=0))
    client.send_frame(ABNF.create_frame('SUBSCRIPTIONS","id":3}', ABNF.OPCODE_CONT, fin=1))

    assert {"result": [], "id": 3} == json.loads(client.recv())


def test_pings_come_with_changing_payload_and_pongs_are_counted(market, room) -> None:
    """The client's automatic pongs count; the interval can be shortened."""
    client = market.connect()
    market.fault("ping_interval", seconds=0.05)
    payloads = {client.recv_data(control_frame=True)[1] for _ in range(3)}
    room.wait_until(lambda: market.get("/control")["pongs"] >= 2)

    assert 3 == len(payloads)


def test_a_wrong_pong_ends_the_connection(market) -> None:
    """A client whose pongs carry another payload is cut with code 1008."""
    client = market.connect()
    market.fault("ping_interval", seconds=0.05, pong_timeout=0.2)
    client.pong("wrong")
    deadline = time.monotonic() + PATIENCE
    frame = client.recv_frame()
    while frame.opcode != ABNF.OPCODE_CLOSE and time.monotonic() < deadline:
        frame = client.recv_frame()

    assert 1008 == int.from_bytes(frame.data[:2], "big")


def test_too_many_frames_end_the_connection(market, room) -> None:
    """A client far beyond five frames a second is disconnected."""
    client = market.connect()
    for number in range(12):
        client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    answers = [client.recv_data(control_frame=True) for _ in range(11)]

    assert [ABNF.OPCODE_TEXT] * 10 + [ABNF.OPCODE_CLOSE] == [opcode for opcode, _ in answers]
    assert 1008 == int.from_bytes(answers[-1][1][:2], "big")
    room.wait_until(lambda: market.get("/control")["connections"] == [])


def test_a_close_is_answered_and_cleaned_up(market, room) -> None:
    """After a proper close nobody receives the stream any more."""
    client = market.connect("/ws/btcusdt@trade")
    client.close(timeout=2)
    room.wait_until(lambda: market.get("/control")["connections"] == [])

    assert not market.exchange.switchboard.wants("btcusdt@trade")


def test_a_reader_that_is_too_far_behind_is_cut(market, room) -> None:
    """Where the market does not wait, what a client leaves unread is bounded."""
    market.connect("/ws")
    for _ in range(4):
        market.fault("big_frame", bytes=8 * 1024 * 1024)

    room.wait_until(lambda: market.get("/control")["connections"] == [])
