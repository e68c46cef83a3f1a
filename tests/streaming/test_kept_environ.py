"""The kept environment has everything that handlers read, and holds no resources."""

import socket
from typing import Any
from wsgiref.validate import check_environ

from flask import Flask, request

from omcrm.streaming.kept_environ import kept


def environ(**more: Any) -> dict[str, Any]:
    """An environment like a server's."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/socket.io/",
        "QUERY_STRING": "EIO=4&transport=websocket",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "desk.example.com",
        "HTTP_COOKIE": "omcrm_session=x",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        **more,
    }


def test_text_values_are_kept() -> None:
    """All text about the client is kept unchanged."""
    given = environ(HTTP_ORIGIN="https://é.example")
    environ_kept = kept(given)

    assert {key: given[key] for key in given if key[0].isupper()} == {
        key: environ_kept[key] for key in environ_kept if key[0].isupper()
    }
    assert "https" == environ_kept["wsgi.url_scheme"]


def test_server_objects_are_dropped() -> None:
    """Sockets, streams and other objects that hold resources."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        holders = {
            "gunicorn.socket": ours,
            "werkzeug.socket": ours,
            "eventlet.input": ours,
            "eventlet.posthooks": [],
            "wsgi.input": ours.makefile("rb"),
            "werkzeug.request": object(),
            "HTTP_X_ODD": ["not", "a", "text"],
            "gunicorn.name": "text",
        }
        environ_kept = kept(environ(**holders))
        holders["wsgi.input"].close()

    assert environ_kept.keys() & holders.keys() == {"wsgi.input"}
    assert b"" == environ_kept["wsgi.input"].read()


def test_it_is_a_valid_environment() -> None:
    """It passes the checks of PEP 3333."""
    check_environ(kept(environ()))


def test_flask_reads_it() -> None:
    """The request's data can be read."""
    app = Flask("test")
    environ_kept = kept(environ())
    with app.request_context(environ_kept):
        assert ("192.0.2.7", "x") == (request.remote_addr, request.cookies["omcrm_session"])
        assert "https://desk.example.com/socket.io/" == request.base_url
        assert b"" == request.get_data()


def test_equal_texts_are_interned() -> None:
    """Ten thousand clients with the same headers share one string."""
    agents = [f"Mozilla/{version}.0" for version in (5, 5)]
    one, other = (kept(environ(HTTP_USER_AGENT=agent))["HTTP_USER_AGENT"] for agent in agents)

    assert agents[0] is not agents[1]
    assert one is other
