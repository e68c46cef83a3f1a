import pytest

from simulator.http import HttpAnswer, HttpError, json_answer, take_request

GET = b"GET /api/v3/time?a=1&b=%2B HTTP/1.1\r\nHost: x\r\nX-Thing:  y \r\n\r\n"


def test_a_request_is_taken_when_it_is_whole() -> None:
    """An incomplete request stays in the buffer, as does what follows a complete one."""
    buffer = bytearray(GET[:30])

    assert take_request(buffer) is None

    buffer += GET[30:] + b"POST"
    request = take_request(buffer)

    assert request is not None
    assert ("GET", "/api/v3/time", "y") == (
        request.method,
        request.path,
        request.headers["x-thing"],
    )
    assert [("a", "1"), ("b", "+")] == request.parameters
    assert b"POST" == buffer


def test_a_body_is_waited_for() -> None:
    """A body of the given length belongs to the request."""
    buffer = bytearray(b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\n{}")

    assert take_request(buffer) is None

    buffer += b"  "
    request = take_request(buffer)

    assert request is not None
    assert b"{}  " == request.body


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01 rubbish\r\n\r\n",
        b"GET x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"x" * 200_000,
    ],
)
def test_rubbish_is_refused(raw: bytes) -> None:
    """What is no plain HTTP request raises an error."""
    with pytest.raises(HttpError):
        take_request(bytearray(raw))


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1\r\n\r\n", True),
        (b"HTTP/1.1\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.0\r\n\r\n", False),
        (b"HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_the_connection_is_kept_as_the_peer_asks(head: bytes, keeps: bool) -> None:
    """By version and header."""
    request = take_request(bytearray(b"GET / " + head))

    assert request is not None
    assert keeps is request.keeps_alive


def test_an_answer_has_its_length() -> None:
    """With status, type and its own headers."""
    raw = json_answer({"a": 1}, 418, {"Retry-After": "7"}).serialize(keep_alive=False)

    assert raw.startswith(b"HTTP/1.1 418 I'm a Teapot\r\n")
    assert b"Content-Length: 7\r\n" in raw
    assert b"Retry-After: 7\r\n" in raw
    assert raw.endswith(b'\r\n\r\n{"a":1}')
    assert b"HTTP/1.1 599 Refused" in HttpAnswer(599, b"").serialize(keep_alive=True)
