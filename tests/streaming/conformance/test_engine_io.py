"""Engine.IO v4, from outside: handshakes and messages on both transports, and every refusal.

Long for a reason: the protocol is one, and its cases are short.
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
# What the documentation calls them.
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
    """A message as the name of a test."""
    return repr(message[:12])


def assert_refused(answer: Answer, message: str) -> None:
    """A refusal is the documented one."""
    assert 400 == answer.status
    assert "application/json" in answer.content_type
    # Of a bad request something better may be said.
    assert message in (answer.json()["message"], BAD)


# Handshake


def test_a_poll_opens_a_session(engine: EngineClient) -> None:
    """The open packet says all that a client has to know."""
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
    """The open packet is the first message; parts of seconds are told exactly."""
    socket = quick.websocket()

    assert socket.opened == {
        "sid": socket.sid,
        "upgrades": [],
        "pingInterval": QUICK_INTERVAL * 1000,
        "pingTimeout": QUICK_TIMEOUT * 1000,
        "maxPayload": MAX_PAYLOAD,
    }


def test_session_ids_differ(engine: EngineClient) -> None:
    """No two sessions have the same name, and nobody guesses the next."""
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
def test_a_wrong_request_is_refused(
    engine: EngineClient, method: str, query: str, message: str
) -> None:
    """It gets the documented answer, and no session is opened for it."""
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
def test_a_wrong_websocket_is_refused(engine: EngineClient, query: str, message: str) -> None:
    """There is an HTTP response instead of one."""
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
def test_refusals_are_numbered(engine: EngineClient, method: str, query: str, message: str) -> None:
    """Beside the words there is the number that the documentation lists."""
    assert NUMBERS[message] == engine.request(method, query).json().get("code")


@pytest.mark.parametrize(
    ("key", "version"),
    [(None, "13"), ("dGhlIHNhbXBsZSBub25jZQ==", "12"), ("short", "13"), ("", "")],
)
def test_a_handshake_that_is_none_is_refused(
    engine: EngineClient, key: str | None, version: str
) -> None:
    """WebSocket has rules of its own, and they come before any session."""
    before = engine.served.state()["sessions"]
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": version}
    if key is not None:
        headers["Sec-WebSocket-Key"] = key

    answer = engine.request("GET", WEBSOCKET, **headers)

    assert answer.status in (400, 426)
    assert before == engine.served.state()["sessions"]


def test_the_application_may_refuse(engine: EngineClient) -> None:
    """A connect handler's no is an HTTP response on both transports."""
    statuses = [
        engine.request("GET", f"{POLLING}&refuse=1").status,
        engine.refusal(f"{WEBSOCKET}&refuse=1").status,
    ]

    assert [401, 401] == statuses


# Messages by polling


@pytest.mark.parametrize("text", TEXTS, ids=shortly)
def test_text_is_polled_as_it_was_posted(engine: EngineClient, text: str) -> None:
    """Nobody looks into a message: not even when it looks like JSON or a packet."""
    session = engine.polling()

    posted = session.post(f"4{text}")
    polled = session.poll()

    assert (200, "ok") == posted[:2]
    assert posted.content_type.startswith("text/")
    assert (200, f"4{text}") == polled[:2]
    assert "text/plain; charset=utf-8" == polled.content_type.lower()


@pytest.mark.parametrize("encoded", ["AQIDBA==", "", "/+8=", "AAAA"])
def test_bytes_are_polled_as_base64(engine: EngineClient, encoded: str) -> None:
    """Polling is text, so bytes travel in another form, marked by a letter."""
    session = engine.polling()

    assert "ok" == session.post(f"b{encoded}").body
    assert (200, f"b{encoded}") == session.poll()[:2]


def test_a_payload_carries_several_packets(engine: EngineClient) -> None:
    """They are taken, and come back, in their order."""
    session = engine.polling()
    packets = ["4one", "bAQIDBA==", "4", "4two", "b"]

    answer = session.post(SEPARATOR.join(packets))

    assert "ok" == answer.body
    assert packets == session.packets(len(packets))


def test_a_poll_waits_for_a_packet(engine: EngineClient) -> None:
    """Nothing to say is not an empty answer."""
    session = engine.polling()
    poll = session.begin_poll()

    session.post("4now")

    assert (200, "4now") == poll.answer()[:2]


def test_sixteen_packets_are_not_too_many(engine: EngineClient) -> None:
    """What the usual client sends in one request is taken."""
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
    """It is refused, none of its packets is taken, and the session is over."""
    session = engine.polling()

    answer = session.post(payload)

    assert 400 == answer.status
    assert session.is_over()
    engine.served.end_of(session.sid)
    assert "message" not in engine.served.events(session.sid)


def test_the_largest_payload_is_taken(engine: EngineClient) -> None:
    """What `maxPayload` promised is kept."""
    session = engine.polling()
    text = "4" + "x" * (MAX_PAYLOAD - 1)

    assert (200, "ok") == session.post(text)[:2]
    assert text == session.poll().body


def test_a_larger_payload_ends_the_session(engine: EngineClient) -> None:
    """It is refused by its length, before anybody has read it."""
    session = engine.polling()

    answer = session.begin("POST", b"", {"Content-Length": str(MAX_PAYLOAD + 1)}).answer()

    assert 413 == answer.status
    assert session.is_over()
    engine.served.end_of(session.sid)


def test_half_a_payload_is_not_taken(engine: EngineClient) -> None:
    """Packets were lost with its other half, so the session is over."""
    session = engine.polling()
    post = session.begin("POST", b"4buy 1", {"Content-Length": "9"})
    engine.served.wait_for_request(session.sid, "POST")

    post.close()

    engine.served.end_of(session.sid)
    assert session.is_over()
    assert "message" not in engine.served.events(session.sid)


def test_a_second_poll_ends_the_session(engine: EngineClient) -> None:
    """The first is told to close, the second is refused: the order of packets could be lost."""
    session = engine.polling()
    first = session.begin_poll()

    second = session.poll()

    assert 400 == second.status
    assert (200, "1") == first.answer()[:2]
    assert session.is_over()
    engine.served.end_of(session.sid)


def test_a_second_post_ends_the_session(engine: EngineClient) -> None:
    """While one is under way, another is refused, and the first is not taken either."""
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


def test_other_methods_leave_a_session_alone(engine: EngineClient) -> None:
    """They are refused, and the session goes on."""
    session = engine.polling()

    statuses = [session.begin(method).answer().status for method in ("PUT", "DELETE", "PATCH")]

    assert [400, 400, 400] == statuses
    session.post("4still here")
    assert "4still here" == session.poll().body


# Messages by WebSocket


@pytest.mark.parametrize("text", [*TEXTS, f"4a{SEPARATOR}4b"], ids=shortly)
def test_text_is_echoed(engine: EngineClient, text: str) -> None:
    """A frame is a packet, whatever is in it."""
    socket = engine.websocket()

    socket.send(f"4{text}")

    assert f"4{text}" == socket.receive()


@pytest.mark.parametrize("data", [BINARY, b"", bytes(range(256)) * 400], ids=shortly)
def test_bytes_are_echoed(engine: EngineClient, data: bytes) -> None:
    """Bytes are messages as they are."""
    socket = engine.websocket()

    socket.send(data)

    assert data == socket.receive()


def test_a_burst_is_answered_in_its_order(engine: EngineClient) -> None:
    """However much comes at once: text and bytes are all answered, as they came."""
    socket = engine.websocket()
    messages: list[str | bytes] = [f"4{number}" for number in range(3000)]
    messages[::3] = [number.to_bytes(2) for number in range(1000)]

    socket.send(*messages)

    assert messages == [socket.receive() for _ in messages]


def test_a_message_in_pieces_is_one(engine: EngineClient) -> None:
    """Frames are put together, also around a ping of WebSocket itself."""
    socket = engine.websocket()

    socket.send_frame("4€".encode()[:2], ABNF.OPCODE_TEXT, fin=False)
    socket.send_frame(b"there?", ABNF.OPCODE_PING)
    socket.send_frame("4€".encode()[2:], ABNF.OPCODE_CONT)

    assert (ABNF.OPCODE_PONG, b"there?") == socket.receive_frame()
    assert "4€" == socket.receive()


@pytest.mark.parametrize("message", ["abc", "", "7", "9hello", "é", "-1", "0{}", "2", "2probe"])
def test_an_invalid_packet_ends_the_websocket(engine: EngineClient, message: str) -> None:
    """The connection is closed, nothing is said about why, and the session is over."""
    socket = engine.websocket()

    socket.send(message, "4afterwards")

    assert [] == socket.rest()
    engine.served.end_of(socket.sid)
    assert "message" not in engine.served.events(socket.sid)


def test_text_must_be_utf_8(engine: EngineClient) -> None:
    """Anything else is closed with the code for it."""
    socket = engine.websocket()

    socket.send_frame(b"4\xff", ABNF.OPCODE_TEXT)

    assert [] == socket.rest()
    assert 1007 == socket.close_code


def test_the_largest_message_is_taken(engine: EngineClient) -> None:
    """The limit of a payload is the limit of a frame."""
    socket = engine.websocket()
    text = "4" + "x" * (MAX_PAYLOAD - 1)

    socket.send(text)

    assert text == socket.receive()


def test_a_larger_message_ends_the_websocket(engine: EngineClient) -> None:
    """It is closed with the code for it."""
    socket = engine.websocket()

    socket.send("4" + "x" * MAX_PAYLOAD)

    assert [] == socket.rest()
    assert 1009 == socket.close_code
    engine.served.end_of(socket.sid)
