"""The documents describe every message that is read and made."""

import msgspec
import pytest

from omcrm.auth.permission import Permission
from omcrm.extensions import socketio
from omcrm.gateways.registry import DIALECTS
from omcrm.reference.registry import CHANNELS, SCOPES
from omcrm.wire.channel import AS_TEXT, SocketChannel
from omcrm.wire.desk import DESK, NAMESPACE
from omcrm.wire.encoding import dumps


def test_every_socket_is_described() -> None:
    """By the channel of its dialect; the desk takes no tokens."""
    assert [DESK, *(dialect.channel for dialect in DIALECTS)] == list(CHANNELS)
    assert {None, Permission.MARKET_READ} == {SCOPES.get(channel.name) for channel in CHANNELS}


def test_the_desks_events_are_described(app: object) -> None:
    """Each event that it handles, except for connecting; `*` is an unknown event."""
    handled = {name for name, _, namespace in socketio.handlers if namespace == NAMESPACE}
    handled |= set(socketio.server.handlers.get(NAMESPACE, ()))

    assert {event.name for event in DESK.received} == handled - {"connect", "disconnect", "*"}


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_examples_are_messages(channel: SocketChannel) -> None:
    """Every message has one, and what is sent can be read; the answers are described, too."""
    answers = {answer.name for answer in channel.sent}
    for message in channel.received:
        assert message.examples
        assert set(message.answers) <= answers
        if message.body is not AS_TEXT:
            read = [msgspec.json.decode(text, type=message.body) for text in message.example_texts]
            assert [dumps(example) for example in message.examples] == [*map(dumps, read)]
