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


def test_it_is_read_as_a_file() -> None:
    """Whole, in parts, by lines, and the end of it is empty."""
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


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"2\r\nabc\r\n", b"2\r\na", b"1\r\na\r\n0\r\n"])
def test_what_is_no_body_is_the_clients_fault(chunks: bytes) -> None:
    """A body that breaks off, or is malformed, is a bad request and an error of input at once."""
    with pytest.raises(BodyCut) as cut:
        body_of(CHUNKED + chunks).read()

    assert isinstance(cut.value, BadRequest)
    assert isinstance(cut.value, OSError)


def test_the_app_answers_it() -> None:
    """A route that reads such a body does not fail: the client is told with 400."""
    app, body = Flask("test"), body_of(CHUNKED + b"zz\r\n")
    environ = EnvironBuilder("/", method="POST").get_environ()
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True}

    @app.post("/")
    def echo() -> bytes:
        return request.get_data()

    status = run_wsgi_app(app, environ)[1]

    assert "400 BAD REQUEST" == status
