"""An event is handled in the name of its sender, whatever its name and arguments."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processes import wait_for
from tests.streaming.polling_client import PollingClient, Serve, accept_all
from tests.streaming.wsgi_client import wsgi_client

NAMES = st.sampled_from(
    [
        *("*", "", "a", "message", "json", "ping", "error", "__disconnect_final", "on_connect"),
        *("connect", "connect_error", "disconnect", "disconnecting", "/", "/other", "**"),
    ]
)


@pytest.mark.parametrize("catch_all", ["/", "*"])
@given(
    event=NAMES | st.text(max_size=5),
    values=st.lists(
        st.sampled_from(["*", "victim", "/", "a", None, 1, ["victim"], {"sid": "victim"}]),
        max_size=4,
    ),
    binary=st.booleans(),
    asks=st.booleans(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_event_belongs_to_its_sender(
    serve: Serve, catch_all: str, event: str, values: list[Any], binary: bool, asks: bool
) -> None:
    """Whatever its name and arguments, also another client's id; with a handler of its own and a
    catch-all one, of a namespace or of all namespaces.
    """
    server, senders = serve(), list[Any]()

    def note_other(event: str, *more: Any) -> None:
        senders.append(more[catch_all == "*"])

    server.on("connect", accept_all)
    server.on("a", lambda sid, *values: senders.append(sid))
    server.on("*", note_other, namespace=catch_all)
    ask = wsgi_client(server.eio)
    victim, client = PollingClient(ask), PollingClient(ask)
    victim.join()
    client.join()
    sid, other = (server.manager.sid_from_eio_sid(page.sid, "/") for page in (client, victim))
    place = [{"_placeholder": True, "num": 0}] if binary else []
    data = json.dumps([event, *values, *place]).replace("victim", other)
    number = "7" if asks else ""
    client.send(*([f"51-{number}{data}", "bAAE="] if binary else [f"2{number}{data}"]))
    wait_for(lambda: senders or client.sid not in server.eio.sockets, 20)

    assert {*senders} <= {sid}
    assert server.manager.is_connected(other, "/")
    assert victim.sid in server.eio.sockets
