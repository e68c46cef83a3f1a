"""The page that connects to any raw WebSocket, sends messages, and shows the answers."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import requires
from omcrm.reference.registry import CHANNELS

blueprint = Blueprint("socket_test", __name__)


@blueprint.get("/realtime/test/")
@requires(session_only=True, page=True)
def page() -> ResponseReturnValue:
    """The page, with a preset for every message of every dialect."""
    return render_template("reference/socket_test.html", channels=presets())


def presets() -> list[dict[str, Any]]:
    """Each raw WebSocket: its path, the parameters of that, and the messages clients may send."""
    return [
        {
            "dialect": channel.name,
            "title": channel.title,
            "path": channel.path,
            "parameters": channel.parameters,
            "presets": [
                {"name": message.name, "text": example, "about": message.about}
                for message in channel.received
                for example in message.example_texts
            ],
        }
        for channel in CHANNELS
        if channel.namespace is None
    ]
