import json
import time

from websocket import ABNF

from tests.processes import PATIENCE


def test_subscriptions_are_acknowledged_known_or_not(running, room) -> None:
    """Any name is acknowledged and listed; an unknown one stays silent."""
    client = running.connect()
    names = ["btcusdt@bookTicker", "nosuch@trade", "BTCUSDT@trade"]

    assert {"result": None, "id": 1} == room.command(client, method="SUBSCRIBE", params=names, id=1)
    assert {"result": names, "id": 2} == room.command(client, method="LIST_SUBSCRIPTIONS", id=2)
    message = room.next_message(client, lambda message: True)
    assert ["u", "s", "b", "B", "a", "A"] == list(message)


def test_a_combined_connection_wraps_events_but_not_answers(running, room) -> None:
    """Events have their stream, answers are bare."""
    client = running.connect("/stream?streams=eurusd@bookTicker")
    wrapped = room.next_message(client, lambda message: True)
    answer = room.command(client, method="LIST_SUBSCRIPTIONS", id=5)

    assert "eurusd@bookTicker" == wrapped["stream"]
    assert "EURUSD" == wrapped["data"]["s"]
    assert {"result": ["eurusd@bookTicker"], "id": 5} == answer


def test_unsubscribing_ends_a_stream(running, room) -> None:
    """After UNSUBSCRIBE only answers come."""
    client = running.connect("/ws/btcusdt@bookTicker")
    room.next_message(client, lambda message: "u" in message)
    room.command(client, method="UNSUBSCRIBE", params=["btcusdt@bookTicker"], id=1)

    assert {"result": [], "id": 2} == json.loads(
        [client.send('{"method":"LIST_SUBSCRIPTIONS","id":2}'), client.recv()][1]
    )


def test_a_client_ping_is_answered(running) -> None:
    """The payload comes back."""
    client = running.connect()
    client.ping("hello")
    opcode, payload = client.recv_data(control_frame=True)

    assert (ABNF.OPCODE_PONG, b"hello") == (opcode, payload)


def test_a_command_may_come_in_fragments(running) -> None:
    """Continuation frames make one command."""
    client = running.connect()
    client.send_frame(ABNF.create_frame('{"method":"LIST_', ABNF.OPCODE_TEXT, fin=0))
    client.send_frame(ABNF.create_frame('SUBSCRIPTIONS","id":3}', ABNF.OPCODE_CONT, fin=1))

    assert {"result": [], "id": 3} == json.loads(client.recv())


def test_pings_come_with_changing_payload_and_pongs_are_counted(running, room) -> None:
    """The client's automatic pongs count; the interval can be shortened."""
    client = running.connect()
    running.fault("ping_interval", seconds=0.05)
    payloads = {client.recv_data(control_frame=True)[1] for _ in range(3)}
    room.wait_until(lambda: running.get("/control")["pongs"] >= 2)

    assert 3 == len(payloads)


def test_a_wrong_pong_ends_the_connection(running) -> None:
    """A client whose pongs have another payload is closed with 1008."""
    client = running.connect()
    running.fault("ping_interval", seconds=0.05, pong_timeout=0.2)
    client.pong("wrong")
    deadline = time.monotonic() + PATIENCE
    frame = client.recv_frame()
    while frame.opcode != ABNF.OPCODE_CLOSE and time.monotonic() < deadline:
        frame = client.recv_frame()

    assert 1008 == int.from_bytes(frame.data[:2], "big")


def test_too_many_frames_end_the_connection(running, room) -> None:
    """A client far beyond five frames a second is disconnected."""
    client = running.connect()
    for number in range(12):
        client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    answers = [client.recv_data(control_frame=True) for _ in range(11)]

    assert [ABNF.OPCODE_TEXT] * 10 + [ABNF.OPCODE_CLOSE] == [opcode for opcode, _ in answers]
    assert 1008 == int.from_bytes(answers[-1][1][:2], "big")
    room.wait_until(lambda: running.get("/control")["connections"] == [])


def test_a_close_is_answered_and_cleaned_up(running, room) -> None:
    """After a proper close the stream has no subscriber."""
    client = running.connect("/ws/btcusdt@trade")
    client.close(timeout=2)
    room.wait_until(lambda: running.get("/control")["connections"] == [])

    assert not running.server.subscriptions.wants("btcusdt@trade")


def test_a_reader_too_far_behind_is_aborted(running, room) -> None:
    """Where the market does not wait, the unread bytes of a client are bounded."""
    running.connect("/ws")
    for _ in range(4):
        running.fault("big_frame", bytes=8 * 1024 * 1024)

    room.wait_until(lambda: running.get("/control")["connections"] == [])
