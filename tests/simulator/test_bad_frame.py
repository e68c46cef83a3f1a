import json

from websocket import ABNF

from simulator.bad_frame import malformed


def test_the_garbage_is_bad_in_many_ways() -> None:
    """Broken JSON, wrong shapes, wrong types, missing keys, deep nesting, all of it UTF-8."""
    payloads = list(malformed("btcusdt@trade"))
    texts = [payload.decode() for payload in payloads]

    assert {"", "null", "17", "[]", "{}"} <= set(texts)
    assert any('"p":[]' in text for text in texts)
    assert any('"p":"1e999"' in text and '"stream":"btcusdt@trade"' in text for text in texts)
    assert any('"p"' not in text and '"trade"' in text for text in texts)
    assert any(text.startswith("[" * 2000) for text in texts)


def test_garbage_comes_and_the_connection_goes_on(running, room) -> None:
    """Every connection gets the whole set, with what is not UTF-8 as a binary frame."""
    client = running.connect("/stream")
    done = running.fault("garbage")
    frames = [client.recv_data() for _ in range(done["frames"])]

    assert len(list(malformed("btcusdt@trade"))) + 1 == done["frames"]
    assert (ABNF.OPCODE_BINARY, 1) == (frames[-1][0], [o for o, _ in frames].count(2))
    assert {"result": [], "id": 1} == room.command(client, method="LIST_SUBSCRIPTIONS", id=1)


def test_a_big_frame_is_valid_json_that_is_no_event(running) -> None:
    """One mebibyte by default, or as big as asked."""
    client = running.connect()
    running.fault("big_frame")
    running.fault("big_frame", bytes=100)
    big, small = client.recv(), client.recv()

    assert (1024 * 1024, 100) == (len(big), len(small))
    assert {"padding"} == set(json.loads(big)) == set(json.loads(small))


def test_a_binary_frame_is_binary(running) -> None:
    """Its opcode says so."""
    client = running.connect()
    running.fault("binary")

    assert (ABNF.OPCODE_BINARY, bytes(range(256))) == client.recv_data()
