"""Engine.IO v4 over sockets: handshakes and messages on both transports, and every refusal.

Long for a reason: one protocol with many short cases.
"""

import pytest
from websocket import ABNF

from tests.streaming.conformance.engine_client import SEPARATOR, Answer, EngineClient, Polling
from tests.streaming.conformance.server import (
    MAX_PAYLOAD,
    PING_INTERVAL,
    PING_TIMEOUT,
    QUICK_INTERVAL,
    QUICK_TIMEOUT,
)

BINARY = bytes([1, 2, 3, 4])
TEXTS = ["hello", "", "€ 😀 \u0000 é", '{"a":  1.10}', "1", "probe", "b64", "x" * 100_000]
# The messages of the protocol's documentation.
TRANSPORT, SESSION, METHOD, BAD, VERSION = (
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Unsupported protocol version",
)
NUMBERS = {TRANSPORT: 0, SESSION: 1, METHOD: 2, BAD: 3, VERSION: 5}
POLLING, WEBSOCKET = "EIO=4&transport=polling", "EIO=4&transport=websocket"
NOBODY = "sid=nobody"


def shortly(message: str | bytes) -> str:
    """A short form of a message, for a test's id."""
    return repr(message[:12])


def assert_refused(answer: Answer, message: str) -> None:
    """Check that a refusal is the documented one."""
    assert 400 == answer.status
    assert "application/json" in answer.content_type
    # The general message is accepted as well.
    assert message in (answer.json()["message"], BAD)


# Handshake


def test_a_poll_opens_a_session(engine: EngineClient) -> None:
    """The open packet has all parameters that a client needs."""
    answer = engine.request("GET", POLLING)
    session = Polling(engine, answer)
    session.post("1")

    assert "text/plain; charset=utf-8" == answer.content_type.lower()
    assert session.opened == {
        "sid": session.sid,
        "upgrades": ["websocket"],
        "pingInterval": PING_INTERVAL * 1000,
        "pingTimeout": PING_TIMEOUT * 1000,
        "maxPayload": MAX_PAYLOAD,
    }


def test_a_websocket_opens_a_session(quick: EngineClient) -> None:
    """The open packet is the first message; fractions of seconds are exact."""
    socket = quick.websocket()

    assert socket.opened == {
        "sid": socket.sid,
        "upgrades": [],
        "pingInterval": QUICK_INTERVAL * 1000,
        "pingTimeout": QUICK_TIMEOUT * 1000,
        "maxPayload": MAX_PAYLOAD,
    }


def test_session_ids_differ(engine: EngineClient) -> None:
    """No two sessions have the same id, and ids cannot be guessed."""
    names = [engine.polling().sid, engine.polling().sid, engine.websocket().sid]

    assert 3 == len(set(names))
    assert all(len(name) >= 16 for name in names)


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        ("GET", "transport=polling", VERSION),
        ("GET", "EIO=abc&transport=polling", VERSION),
        ("GET", "EIO=&transport=polling", VERSION),
        ("GET", "EIO=3&transport=polling", VERSION),
        ("GET", "EIO=44&transport=polling", VERSION),
        ("GET", "EIO=4", TRANSPORT),
        ("GET", "", TRANSPORT),
        ("GET", "EIO=4&transport=", TRANSPORT),
        ("GET", "EIO=4&transport=abc", TRANSPORT),
        ("GET", "EIO=4&transport=Polling", TRANSPORT),
        ("POST", POLLING, METHOD),
        ("PUT", POLLING, METHOD),
        ("DELETE", POLLING, METHOD),
        ("PATCH", POLLING, METHOD),
        ("POST", WEBSOCKET, METHOD),
        ("GET", WEBSOCKET, BAD),
        ("GET", f"{POLLING}&{NOBODY}", SESSION),
        ("POST", f"{POLLING}&{NOBODY}", SESSION),
        ("GET", f"EIO=4&{NOBODY}", TRANSPORT),
    ],
)
def test_an_invalid_request_is_refused(
    engine: EngineClient, method: str, query: str, message: str
) -> None:
    """It gets the documented error, and no session is opened."""
    before = engine.served.state()["sessions"]

    answer = engine.request(method, query)

    assert_refused(answer, message)
    assert before == engine.served.state()["sessions"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("transport=websocket", VERSION),
        ("EIO=abc&transport=websocket", VERSION),
        ("EIO=3&transport=websocket", VERSION),
        ("EIO=4", TRANSPORT),
        ("EIO=4&transport=abc", TRANSPORT),
        (f"{WEBSOCKET}&{NOBODY}", SESSION),
    ],
)
def test_an_invalid_websocket_is_refused(engine: EngineClient, query: str, message: str) -> None:
    """The refusal is an HTTP response."""
    before = engine.served.state()["sessions"]

    answer = engine.refusal(query)

    assert_refused(answer, message)
    assert before == engine.served.state()["sessions"]


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        ("GET", "EIO=4&transport=abc", TRANSPORT),
        ("GET", f"{POLLING}&{NOBODY}", SESSION),
        ("POST", POLLING, METHOD),
        ("GET", WEBSOCKET, BAD),
        ("GET", "transport=polling", VERSION),
    ],
)
def test_refusals_have_codes(engine: EngineClient, method: str, query: str, message: str) -> None:
    """Beside the message there is the documented code."""
    assert NUMBERS[message] == engine.request(method, query).json().get("code")


@pytest.mark.parametrize(
    ("key", "version"),
    [(None, "13"), ("dGhlIHNhbXBsZSBub25jZQ==", "12"), ("short", "13"), ("", "")],
)
def test_an_invalid_handshake_is_refused(
    engine: EngineClient, key: str | None, version: str
) -> None:
    """The WebSocket handshake is checked before a session is opened."""
    before = engine.served.state()["sessions"]
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": version}
    if key is not None:
        headers["Sec-WebSocket-Key"] = key

    answer = engine.request("GET", WEBSOCKET, **headers)

    assert answer.status in (400, 426)
    assert before == engine.served.state()["sessions"]


def test_the_application_may_refuse(engine: EngineClient) -> None:
    """A connect handler's refusal is an HTTP response on both transports."""
    statuses = [
        engine.request("GET", f"{POLLING}&refuse=1").status,
        engine.refusal(f"{WEBSOCKET}&refuse=1").status,
    ]

    assert [401, 401] == statuses


# Messages by polling


@pytest.mark.parametrize("text", TEXTS, ids=shortly)
def test_text_is_polled_as_it_was_posted(engine: EngineClient, text: str) -> None:
    """Messages are not parsed, not even if they look like JSON or a packet."""
    session = engine.polling()

    posted = session.post(f"4{text}")
    polled = session.poll()

    assert (200, "ok") == posted[:2]
    assert posted.content_type.startswith("text/")
    assert (200, f"4{text}") == polled[:2]
    assert "text/plain; charset=utf-8" == polled.content_type.lower()


@pytest.mark.parametrize("encoded", ["AQIDBA==", "", "/+8=", "AAAA"])
def test_bytes_are_polled_as_base64(engine: EngineClient, encoded: str) -> None:
    """Polling is text, so bytes are sent as base64, marked by a letter."""
    session = engine.polling()

    assert "ok" == session.post(f"b{encoded}").body
    assert (200, f"b{encoded}") == session.poll()[:2]


def test_a_payload_carries_several_packets(engine: EngineClient) -> None:
    """They are handled and echoed in order."""
    session = engine.polling()
    packets = ["4one", "bAQIDBA==", "4", "4two", "b"]

    answer = session.post(SEPARATOR.join(packets))

    assert "ok" == answer.body
    assert packets == session.packets(len(packets))


def test_a_poll_waits_for_a_packet(engine: EngineClient) -> None:
    """Without a packet there is no empty answer."""
    session = engine.polling()
    poll = session.begin_poll()

    session.post("4now")

    assert (200, "4now") == poll.answer()[:2]


def test_sixteen_packets_are_accepted(engine: EngineClient) -> None:
    """The usual client sends that many in one request."""
    session = engine.polling()
    packets = [f"4{number}" for number in range(16)]

    assert 200 == session.post(SEPARATOR.join(packets)).status
    assert packets == session.packets(16)


INVALID_PAYLOADS = {
    "not a packet": b"abc",
    "nothing": b"",
    "unknown type": b"7",
    "unknown type with text": b"9hello",
    "open, from a client": b'0{"sid":"x"}',
    "ping, which is the server's": b"2",
    "second invalid": b"4hello\x1eabc",
    "first invalid": b"abc\x1e4hello",
    "ends with a separator": b"4hello\x1e",
    "begins with a separator": b"\x1e4hello",
    "only a separator": b"\x1e",
    "empty between": b"4a\x1e\x1e4b",
    "no base64": b"b!!!!",
    "base64 too short": b"bAQI",
    "base64 without padding": b"bAQIDBA",
    "base64 with blanks": b"bAQ ID\nBA==",
    "not UTF-8": b"4\xff\xfe",
    "cut UTF-8": b"4\xe2\x82",
    "too many packets": SEPARATOR.join(["4"] * 1000).encode(),
}


@pytest.mark.parametrize("payload", INVALID_PAYLOADS.values(), ids=INVALID_PAYLOADS)
def test_an_invalid_payload_ends_the_session(engine: EngineClient, payload: bytes) -> None:
    """It is refused, none of its packets is handled, and the session ends."""
    session = engine.polling()

    answer = session.post(payload)

    assert 400 == answer.status
    assert session.is_over()
    engine.served.end_of(session.sid)
    assert "message" not in engine.served.events(session.sid)


def test_the_largest_payload_is_accepted(engine: EngineClient) -> None:
    """`maxPayload` bytes are accepted."""
    session = engine.polling()
    text = "4" + "x" * (MAX_PAYLOAD - 1)

    assert (200, "ok") == session.post(text)[:2]
    assert text == session.poll().body


def test_a_larger_payload_ends_the_session(engine: EngineClient) -> None:
    """It is refused by its length, before it is read."""
    session = engine.polling()

    answer = session.begin("POST", b"", {"Content-Length": str(MAX_PAYLOAD + 1)}).answer()

    assert 413 == answer.status
    assert session.is_over()
    engine.served.end_of(session.sid)


def test_half_a_payload_is_not_accepted(engine: EngineClient) -> None:
    """Packets are lost with the other half, so the session ends."""
    session = engine.polling()
    post = session.begin("POST", b"4buy 1", {"Content-Length": "9"})
    engine.served.wait_for_request(session.sid, "POST")

    post.close()

    engine.served.end_of(session.sid)
    assert session.is_over()
    assert "message" not in engine.served.events(session.sid)


def test_a_second_poll_ends_the_session(engine: EngineClient) -> None:
    """The first gets a close packet, the second is refused: packets could get out of order."""
    session = engine.polling()
    first = session.begin_poll()

    second = session.poll()

    assert 400 == second.status
    assert (200, "1") == first.answer()[:2]
    assert session.is_over()
    engine.served.end_of(session.sid)


def test_a_second_post_ends_the_session(engine: EngineClient) -> None:
    """While one is under way another is refused, and the first is not accepted either."""
    session = engine.polling()
    first = session.begin("POST", b"4fi", {"Content-Length": "6"})
    engine.served.wait_for_request(session.sid, "POST")

    second = session.post("4second")
    first.send_more(b"rst")

    assert 400 == second.status
    assert 400 == first.answer().status
    assert session.is_over()
    engine.served.end_of(session.sid)
    assert "message" not in engine.served.events(session.sid)


def test_other_methods_do_not_affect_a_session(engine: EngineClient) -> None:
    """They are refused, and the session goes on."""
    session = engine.polling()

    statuses = [session.begin(method).answer().status for method in ("PUT", "DELETE", "PATCH")]

    assert [400, 400, 400] == statuses
    session.post("4still here")
    assert "4still here" == session.poll().body


# Messages by WebSocket


@pytest.mark.parametrize("text", [*TEXTS, f"4a{SEPARATOR}4b"], ids=shortly)
def test_text_is_echoed(engine: EngineClient, text: str) -> None:
    """A frame is a packet, whatever it contains."""
    socket = engine.websocket()

    socket.send(f"4{text}")

    assert f"4{text}" == socket.receive()


@pytest.mark.parametrize("data", [BINARY, b"", bytes(range(256)) * 400], ids=shortly)
def test_bytes_are_echoed(engine: EngineClient, data: bytes) -> None:
    """Binary frames are messages as they are."""
    socket = engine.websocket()

    socket.send(data)

    assert data == socket.receive()


def test_a_burst_is_answered_in_order(engine: EngineClient) -> None:
    """Many text and binary messages at a time are all answered, in order."""
    socket = engine.websocket()
    messages: list[str | bytes] = [f"4{number}" for number in range(3000)]
    messages[::3] = [number.to_bytes(2) for number in range(1000)]

    socket.send(*messages)

    assert messages == [socket.receive() for _ in messages]


def test_a_fragmented_message_is_assembled(engine: EngineClient) -> None:
    """Also around a WebSocket ping."""
    socket = engine.websocket()

    socket.send_frame("4€".encode()[:2], ABNF.OPCODE_TEXT, fin=False)
    socket.send_frame(b"there?", ABNF.OPCODE_PING)
    socket.send_frame("4€".encode()[2:], ABNF.OPCODE_CONT)

    assert (ABNF.OPCODE_PONG, b"there?") == socket.receive_frame()
    assert "4€" == socket.receive()


@pytest.mark.parametrize("message", ["abc", "", "7", "9hello", "é", "-1", "0{}", "2", "2probe"])
def test_an_invalid_packet_ends_the_websocket(engine: EngineClient, message: str) -> None:
    """The connection is closed without an explanation, and the session ends."""
    socket = engine.websocket()

    socket.send(message, "4afterwards")

    assert [] == socket.rest()
    engine.served.end_of(socket.sid)
    assert "message" not in engine.served.events(socket.sid)


def test_text_must_be_utf_8(engine: EngineClient) -> None:
    """Other text is closed with the code 1007."""
    socket = engine.websocket()

    socket.send_frame(b"4\xff", ABNF.OPCODE_TEXT)

    assert [] == socket.rest()
    assert 1007 == socket.close_code


def test_the_largest_message_is_accepted(engine: EngineClient) -> None:
    """The limit of a payload is the limit of a message."""
    socket = engine.websocket()
    text = "4" + "x" * (MAX_PAYLOAD - 1)

    socket.send(text)

    assert text == socket.receive()


def test_a_larger_message_ends_the_websocket(engine: EngineClient) -> None:
    """It is closed with the code 1009."""
    socket = engine.websocket()

    socket.send("4" + "x" * MAX_PAYLOAD)

    assert [] == socket.rest()
    assert 1009 == socket.close_code
    engine.served.end_of(socket.sid)
