"""The commands of a Binance WebSocket client (SUBSCRIBE and others) and their answers."""

import re
from typing import Any, Protocol

import msgspec

from simulator.stream_name import STREAM_LIMIT

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")
TEXT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
ID_RULE = "request ID must be an integer, an alphanumeric string of up to 36 characters or null"
INVALID_REQUEST, INVALID_JSON = 2, 3


class StreamSubscriber(Protocol):
    """The connection that a command acts on."""

    @property
    def subscriptions(self) -> list[str]:
        """The subscribed streams."""

    def subscribe(self, streams: list[str]) -> None:
        """Subscribe to `streams`."""

    def unsubscribe(self, streams: list[str]) -> None:
        """Unsubscribe from `streams`."""


class _CommandError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = {"code": code, "msg": message}


def answer(subscriber: StreamSubscriber, text: bytes) -> bytes:
    """Execute one command frame and return the frame to send back."""
    try:
        return msgspec.json.encode(_execute(subscriber, _parsed(text)))
    except _CommandError as refused:
        return msgspec.json.encode(refused.answer)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        command = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        offset = re.search(r"\(byte (\d+)\)", str(error))
        column = int(offset[1]) + 1 if offset else max(len(text), 1)
        raise _CommandError(
            INVALID_JSON, f"Invalid JSON: expected value at line 1 column {column}"
        ) from None
    if not isinstance(command, dict):
        raise _invalid("invalid type: expected a map at line 1 column 1")
    if "method" not in command:
        raise _invalid(f"missing field `method` at line 1 column {len(text)}")
    return command


def _execute(subscriber: StreamSubscriber, command: dict[str, Any]) -> dict[str, Any]:
    method, params, id_ = command["method"], command.get("params"), command.get("id")
    if method not in METHODS:
        variants = ", ".join(f"`{name}`" for name in METHODS)
        raise _invalid(f"unknown variant `{method}`, expected one of {variants}")
    if not _is_id(id_):
        raise _invalid(ID_RULE)
    result: Any = None
    match method:
        case "SUBSCRIBE":
            _subscribe(subscriber, _stream_names(params))
        case "UNSUBSCRIBE":
            subscriber.unsubscribe(_stream_names(params))
        case "LIST_SUBSCRIPTIONS":
            result = subscriber.subscriptions
    return {"result": result, "id": id_}


def _subscribe(subscriber: StreamSubscriber, streams: list[str]) -> None:
    if len({*streams, *subscriber.subscriptions}) > STREAM_LIMIT:
        raise _invalid(f"too many subscriptions, at most {STREAM_LIMIT} streams per connection")
    subscriber.subscribe(streams)


def _stream_names(params: Any) -> list[str]:
    if params is None:
        raise _invalid("missing field `params`")
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _invalid("params must be an array of strings")
    return params


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return TEXT_ID.fullmatch(value) is not None
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _invalid(problem: str) -> _CommandError:
    return _CommandError(INVALID_REQUEST, f"Invalid request: {problem}")
