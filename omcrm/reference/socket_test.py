"""The page that connects to any raw WebSocket, sends messages, and shows the answers."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import requires
from omcrm.reference.registry import CHANNELS
from omcrm.reference.shown_channel import shown_channels
from omcrm.wire.channel import SocketChannel

blueprint = Blueprint("socket_test", __name__)


@blueprint.get("/realtime/test/")
@requires(session_only=True, page=True)
def page() -> ResponseReturnValue:
    """The page, with the messages of every raw WebSocket."""
    return render_template("reference/socket_test.html", **_shown())


@cache
def _shown() -> dict[str, Any]:
    """Cached: nothing in it changes while the process runs."""
    return page_data(CHANNELS)


def page_data(channels: Sequence[SocketChannel]) -> dict[str, Any]:
    """What the page's template shows of these sockets; those of Socket.IO are left out."""
    raw = [channel for channel in channels if channel.namespace is None]
    return {"channels": presets(raw), "shown": shown_channels(raw)}


def presets(channels: Sequence[SocketChannel]) -> list[dict[str, Any]]:
    """Each socket: its path, the parameters of that, and the messages clients may send."""
    return [
        {
            "name": channel.name,
            "title": channel.title,
            "path": channel.path,
            "parameters": channel.parameters,
            "presets": [
                {"name": message.name, "text": example, "about": message.about}
                for message in channel.received
                for example in message.example_texts
            ],
        }
        for channel in channels
    ]
