"""The documents describe every message that the code reads and makes."""

import ast
import json

import pytest

from omcrm.gateways.inbound import Inbound
from omcrm.gateways.market_feed import _inbound as market_feed
from omcrm.gateways.realtime_message import inbound as realtime
from omcrm.gateways.registry import DIALECTS
from omcrm.reference.asyncapi import document
from omcrm.reference.registry import CHANNELS
from omcrm.wire.user_event import KINDS
from tests.processes import ROOT

BY_DIALECT = {channel.dialect: channel for channel in CHANNELS}
# The file in which each dialect's messages are made.
MADE = {
    "market_feed": "market_feed.py",
    "realtime": "realtime.py",
}
# About the events of a user; their types name them.
USER_MESSAGES = set(KINDS.values())


def test_every_dialect_is_described() -> None:
    """A new dialect must be added, with its path."""
    assert {dialect.name for dialect in DIALECTS} | {"desk"} == BY_DIALECT.keys()
    for dialect in DIALECTS:
        path = dialect.path.replace("<", "{").replace(">", "}")
        assert path == BY_DIALECT[dialect.name].path


@pytest.mark.parametrize(
    ("dialect", "inbound"), [("market_feed", market_feed), ("realtime", realtime)]
)
def test_received_messages_are_described(dialect: str, inbound: Inbound) -> None:
    """Every kind of message, and each example can be read."""
    assert inbound._known == {kind.name for kind in BY_DIALECT[dialect].received}
    for message in BY_DIALECT[dialect].received:
        assert message.examples
        for example in message.examples:
            assert isinstance(inbound.read(example), message.body)


def kinds_made(file: str) -> set[str]:
    """The kinds of messages that a dialect's code makes: texts under `type`, and of envelopes."""
    kinds = set()
    for node in ast.walk(ast.parse((ROOT / "omcrm" / "gateways" / file).read_text())):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            kinds |= {pair.value for key, pair in pairs if is_text(key, "type") and is_text(pair)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "envelope":
            kinds |= {arg.value for arg in node.args[:1] if is_text(arg)}
    return kinds


def is_text(node: ast.AST | None, text: str | None = None) -> bool:
    is_one = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_one and text in (None, node.value)


@pytest.mark.parametrize("dialect", MADE)
def test_sent_messages_are_described(dialect: str) -> None:
    """Every kind of message that the code makes."""
    own = USER_MESSAGES if dialect in ("market_feed", "realtime") else set()
    assert own | kinds_made(MADE[dialect]) == {message.name for message in BY_DIALECT[dialect].sent}


def codes_of(*files: str) -> set[str]:
    """The codes of errors that these files send."""
    return {
        node.args[0].attr
        for file in files
        for node in ast.walk(ast.parse((ROOT / "omcrm" / "gateways" / file).read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Attribute)
        if getattr(node.args[0].value, "id", "") == "ErrorCode"
        if getattr(node.func, "id", "") in ("_error", "MessageRefused")
    }


@pytest.mark.parametrize(
    ("dialect", "own"),
    [
        ("market_feed", ("inbound.py", "market_feed.py")),
        ("realtime", ("inbound.py", "realtime.py")),
        ("finance_query_quotes", ("finance_query/channels.py",)),
    ],
)
def test_codes_of_errors_are_described(dialect: str, own: tuple[str, ...]) -> None:
    """Those that every client may receive, and the dialect's own."""
    parts = document()["components"]["schemas"]
    name = {"realtime": "Wrong"}.get(dialect, "Error")

    described = set(parts[f"{dialect}.{name}"]["properties"]["code"]["enum"])
    assert codes_of("client_connection.py", *own) == described


def events_of(file: str) -> tuple[set[str], set[str]]:
    """The events that the desk's code handles, and those that it emits."""
    handled, emitted = set(), set()
    for node in ast.walk(ast.parse((ROOT / "omcrm" / "webtrader" / file).read_text())):
        if isinstance(node, ast.Call) and node.args and is_text(node.args[0]):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            (handled if name == "on" else emitted if name == "emit" else set()).add(
                node.args[0].value
            )
    return handled, emitted


def test_the_desks_events_are_described() -> None:
    """Prices are sent by the fan-out and not emitted; `*` is an unknown event."""
    handled, emitted = events_of("socketio_events.py")

    desk = BY_DIALECT["desk"]
    assert handled - {"connect", "disconnect", "*"} == {event.name for event in desk.received}
    assert emitted | USER_MESSAGES | {"price_update"} == {event.name for event in desk.sent}


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.dialect)
def test_answers_are_messages(channel) -> None:
    """The answers of a message are described, and examples of JSON are JSON."""
    sent = {answer.name for answer in channel.sent}
    for message in channel.received:
        assert set(message.answers) <= sent
        assert message.body is str or [json.loads(example) for example in message.examples]
