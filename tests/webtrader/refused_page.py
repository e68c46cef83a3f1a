"""A page that the server refuses."""

from typing import Any

import pytest
import socketio

from tests.processes import PATIENCE, Browser, close_client


def refusal(browser: Browser, **headers: str) -> str:
    """The refusal of a connection."""
    client = socketio.Client(reconnection=False)
    refusals: list[Any] = []
    client.on("connect_error", refusals.append, namespace="/webtrader")
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            browser.base,
            headers={"Cookie": browser.cookies(), **headers},
            namespaces=["/webtrader"],
            transports=["websocket"],
            wait_timeout=PATIENCE,
        )
    close_client(client)
    return str(refusals)
