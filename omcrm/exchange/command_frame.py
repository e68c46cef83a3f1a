"""The commands of a WebSocket client (SUBSCRIBE and its like) and their answers."""

import re
from typing import Any, Protocol

import msgspec

from omcrm.exchange.stream import STREAM_LIMIT

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
TEXT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
ID_RULE = "request ID must be an integer, an alphanumeric string of up to 36 characters or null"
UNKNOWN_PROPERTY, WRONG_VALUE, INVALID_REQUEST, INVALID_JSON = range(4)
PROPERTY_AND_VALUE = 2


class Subscriber(Protocol):
    """What a command acts on."""

    combined: bool

    @property
    def subscriptions(self) -> list[str]:
        """The streams received now."""

    def subscribe(self, streams: list[str]) -> None:
        """Begin to receive `streams`."""

    def unsubscribe(self, streams: list[str]) -> None:
        """Receive `streams` no longer."""


class _CommandError(Exception):
    def __init__(self, code: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.answer = {"code": code, "msg": message, **extra}


def answer(subscriber: Subscriber, text: bytes) -> bytes:
    """Carry out one command frame and give the frame to send back."""
    try:
        return msgspec.json.encode(_obey(subscriber, _parsed(text)))
    except _CommandError as refused:
        return msgspec.json.encode(refused.answer)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        command = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        position = re.search(r"\(byte (\d+)\)", str(error))
        column = int(position[1]) + 1 if position else max(len(text), 1)
        raise _CommandError(
            INVALID_JSON, f"Invalid JSON: expected value at line 1 column {column}"
        ) from None
    if not isinstance(command, dict):
        raise _invalid("invalid type: expected a map at line 1 column 1")
    if "method" not in command:
        raise _invalid(f"missing field `method` at line 1 column {len(text)}")
    return command


def _obey(subscriber: Subscriber, command: dict[str, Any]) -> dict[str, Any]:
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
        case "SET_PROPERTY":
            _set_property(subscriber, params, id_)
        case "GET_PROPERTY":
            result = _get_property(subscriber, params, id_)
    return {"result": result, "id": id_}


def _subscribe(subscriber: Subscriber, streams: list[str]) -> None:
    if len({*streams, *subscriber.subscriptions}) > STREAM_LIMIT:
        raise _invalid(f"too many subscriptions, at most {STREAM_LIMIT} streams per connection")
    subscriber.subscribe(streams)


def _stream_names(params: Any) -> list[str]:
    if params is None:
        raise _invalid("missing field `params`")
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _invalid("params must be an array of strings")
    return params


def _set_property(subscriber: Subscriber, params: Any, id_: Any) -> None:
    if not isinstance(params, list) or len(params) < PROPERTY_AND_VALUE:
        raise _invalid("too few parameters")
    if len(params) > PROPERTY_AND_VALUE:
        raise _invalid("too many parameters")
    _check_property(params[0], id_)
    if not isinstance(params[1], bool):
        raise _CommandError(WRONG_VALUE, "Invalid value type: expected Boolean")
    subscriber.combined = params[1]


def _get_property(subscriber: Subscriber, params: Any, id_: Any) -> bool:
    if not isinstance(params, list) or not params:
        raise _invalid("too few parameters")
    if len(params) > 1:
        raise _invalid("too many parameters")
    _check_property(params[0], id_)
    return subscriber.combined


def _check_property(name: Any, id_: Any) -> None:
    if not isinstance(name, str):
        raise _invalid("property name must be a string")
    if name != "combined":
        raise _CommandError(UNKNOWN_PROPERTY, "Unknown property", id=id_)


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return TEXT_ID.fullmatch(value) is not None
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _invalid(problem: str) -> _CommandError:
    return _CommandError(INVALID_REQUEST, f"Invalid request: {problem}")
