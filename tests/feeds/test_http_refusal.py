"""A status other than 200 is read as a refusal."""

import pytest

from omcrm.feeds.http_refusal import redirection, refusal, retry_after, words
from omcrm.feeds.provider import AccessDenied, Reply


def reply(status: int = 429, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_an_answer_is_no_refusal() -> None:
    """200 is none, whatever its body is."""
    assert refusal(reply(200, b"error", retry_after="5")) is None


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 429, 500, 503])
def test_everything_else_is_one(status: int) -> None:
    """Status, text and waiting time are passed on."""
    expected = AccessDenied(status, "no more", 30.0)

    assert expected == refusal(reply(status, b" no\n more ", retry_after="30"))


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("https://elsewhere.example/v2?apikey=secret", "redirects to elsewhere.example"),
        ("https://user:secret@elsewhere.example:444/", "redirects to elsewhere.example"),
        ("/v2/prices?apikey=secret", "redirects to another path"),
        ("http://[", "redirects to another path"),
        ("", "redirects to another path"),
    ],
)
def test_a_redirect_says_where_to(location: str, message: str) -> None:
    """Its host alone: the rest may hold the key; its body is mostly empty."""
    assert AccessDenied(302, message) == refusal(reply(302, location=location))
    assert message == redirection(location)


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"", ""),
        (b"Throttled", "Throttled"),
        (b"  a \r\n\t b  ", "a b"),
        (b"\xff\xfe", "��"),
        ("é".encode() * 600, "é" * 200),
        (b"x" * 10_000_000, "x" * 200),
    ],
)
def test_the_text_is_the_beginning_of_the_body(body: bytes, label: str) -> None:
    """In one line of bounded length, whatever the bytes are."""
    assert label == words(body)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        ("999999999", 999_999_999.0),
        ("", None),
        ("9999999999", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("nan", None),
        ("²", None),
        ("soon", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_seconds_are_read(value: str, seconds: float | None) -> None:
    """A plain number of seconds counts, anything else is ignored."""
    assert seconds == retry_after(reply(retry_after=value))


def test_without_retry_after_there_is_no_time() -> None:
    """Without the header there is no waiting time."""
    assert retry_after(reply()) is None
