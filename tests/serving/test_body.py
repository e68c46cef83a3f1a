from collections.abc import Iterator

import pytest
from flask import Flask, request
from gunicorn.config import Config
from gunicorn.http import get_parser
from werkzeug.exceptions import BadRequest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from omcrm.serving.body import BodyCut, RequestBody

LENGTH = b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def body_of(*pieces: bytes) -> RequestBody:
    return RequestBody(next(get_parser(Config(), iter(pieces), ("127.0.0.1", 1))).body)


def test_a_body_is_read_like_a_file() -> None:
    """Whole, in parts, by lines; reading at its end returns nothing."""
    lines = LENGTH + b"ab\ncd\nef"

    assert b"ab\ncd\nef" == body_of(lines).read()
    assert [b"ab\n", b"cd\n", b"ef"] == list(body_of(lines)) == body_of(lines).readlines()
    body = body_of(LENGTH, b"ab\nc", b"d\nef")
    assert (b"ab", b"\n", b"cd\nef", b"") == (
        body.read(2),
        body.readline(),
        body.read(100),
        body.read(),
    )


@pytest.mark.parametrize(
    ("request_bytes", "pieces"),
    [(LENGTH + b"ab", [b"cdef", b"gh"]), (CHUNKED, [b"2\r\nab\r\n", b"0\r\n\r\n"])],
)
def test_the_end_of_a_body_is_reported(request_bytes: bytes, pieces: list[bytes]) -> None:
    """When all of it has arrived, and not before."""
    arrived: list[bytes] = []
    taken = []

    def input_of() -> Iterator[bytes]:
        yield request_bytes
        for piece in pieces:
            assert [] == arrived
            taken.append(piece)
            yield piece

    body = next(get_parser(Config(), input_of(), ("127.0.0.1", 1))).body
    read = RequestBody(body, lambda: arrived.append(b"all")).read()

    assert pieces == taken
    assert arrived
    assert read in (b"abcdefgh", b"ab")


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"2\r\nabc\r\n", b"2\r\na", b"1\r\na\r\n0\r\n"])
def test_a_malformed_body_is_a_bad_request(chunks: bytes) -> None:
    """An incomplete or malformed body raises a BadRequest that is also an OSError."""
    with pytest.raises(BodyCut) as cut:
        body_of(CHUNKED + chunks).read()

    assert isinstance(cut.value, BadRequest)
    assert isinstance(cut.value, OSError)


def test_the_app_answers_with_400() -> None:
    """A route that reads such a body does not fail."""
    app, body = Flask("test"), body_of(CHUNKED + b"zz\r\n")
    environ = EnvironBuilder("/", method="POST").get_environ()
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True}

    @app.post("/")
    def echo() -> bytes:
        return request.get_data()

    status = run_wsgi_app(app, environ)[1]

    assert "400 BAD REQUEST" == status
