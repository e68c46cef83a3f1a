"""The requests of one connection, and when they are sent."""

import contextlib
import socket
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from msgspec import structs
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from omcrm.feeds.connection import FeedConnection
from omcrm.feeds.provider import Acknowledged, FrameContext
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.timing import SupervisorTiming
from tests.feeds.virtual_feed import Connection
from tests.processes import PATIENCE, Exchange, wait_for


class Talk:
    """A connection to the exchange and the frames it received."""

    def __init__(self, exchange: Exchange) -> None:
        self.frames: list[bytes] = []
        self.provider = Binance(exchange.url, ("trade",))
        self.connection = FeedConnection(
            1,
            self.provider,
            SupervisorTiming(),
            Connection().feed_latency,
            lambda connection, frame: self.frames.append(frame),
        )
        self.connection.link.start()
        wait_for(lambda: self.connection.link.is_open, 5, "the connection")

    def maintain(self, *names: str) -> None:
        self.connection.maintain(names, time.monotonic(), expects_data=True)

    def acknowledged(self) -> list[int | str | None]:
        arrival = FrameContext(datetime.now(UTC), 1, {})
        events = [event for frame in self.frames for event in self.provider.parse(frame, arrival)]
        return [event.id for event in events if isinstance(event, Acknowledged)]


def subscriptions(exchange: Exchange) -> set[str]:
    return set(exchange.state()["connections"][0]["subscriptions"])


def test_subscribes_the_difference_only(exchange: Exchange) -> None:
    """A wanted symbol is subscribed once, and unsubscribed when it is no longer wanted."""
    talk = Talk(exchange)
    for _ in range(3):
        talk.maintain("btcusdt", "ethusdt")
    wait_for(lambda: talk.acknowledged() == [1], 5, "one acknowledgement")
    time.sleep(talk.provider.limits.frame_spacing)
    talk.maintain("ethusdt", "solusdt")
    time.sleep(talk.provider.limits.frame_spacing)
    talk.maintain("ethusdt", "solusdt")
    wait_for(lambda: talk.acknowledged() == [1, 2, 3], 5, "two more")
    talk.connection.link.close()
    talk.connection.link.join(PATIENCE)

    assert talk.connection.link.error is None


def test_spaces_its_frames(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of symbols, the upstream's limit of frames is kept."""
    talk = Talk(exchange)
    names, spacing = [f"s{number}usdt" for number in range(900)], talk.provider.limits.frame_spacing
    link, began, sent = talk.connection.link, time.monotonic(), list[int]()
    send = link.send
    monkeypatch.setattr(link, "send", lambda frame: (sent.append(step), send(frame)))
    for step in range(250):
        talk.connection.maintain(names, began + step / 100, expects_data=True)

    wait_for(lambda: 900 == len(subscriptions(exchange)), what="all subscriptions")
    assert len(sent) > 2
    assert all((later - earlier) / 100 >= spacing - 0.001 for earlier, later in pairwise(sent))
    talk.connection.link.close()
    talk.connection.link.join(PATIENCE)


def test_a_handshake_that_drips_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection to a server that answers byte by byte for ever is closed."""
    monkeypatch.setattr("omcrm.feeds.connection._LONGEST_HANDSHAKE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        connection = FeedConnection(
            1,
            Binance(url, ("trade",)),
            SupervisorTiming(),
            Connection().feed_latency,
            lambda *_: None,
        )
        connection.link.start()
        client, _ = listener.accept()
        with client:
            until = time.monotonic() + 5
            while not connection.link.ended.is_set() and time.monotonic() < until:
                client.send(b"H")
                connection.maintain(["btcusdt"], time.monotonic(), expects_data=True)
                time.sleep(0.05)
    connection.link.join(PATIENCE)

    assert "no frame for" in str(connection.link.error)


class TextPinged(Binance):
    """An upstream that wants a text as its ping."""

    def __init__(self, ws_url: str) -> None:
        super().__init__(ws_url, ("trade",))
        self.limits = structs.replace(self.limits, ping="ping")


def test_an_upstream_is_pinged_by_a_text_where_it_wants_one() -> None:
    """Instead of a ping frame, after a while without any frame; its answer keeps the connection."""
    received: list[str | bytes] = []

    def answer(client: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in client:
                received.append(message)
                client.send("pong")

    with serve(answer, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        frames: list[bytes] = []
        connection = FeedConnection(
            1,
            TextPinged(url),
            SupervisorTiming(),
            Connection().feed_latency,
            lambda _, frame: frames.append(frame),
        )
        connection.link.start()
        wait_for(lambda: connection.link.is_open, what="the connection")
        opened = time.monotonic()
        connection.maintain((), opened, expects_data=False)
        assert [] == received
        connection.maintain((), opened + 4, expects_data=False)
        wait_for(lambda: frames == [b"pong"], what="the answer")
        connection.link.close()
        connection.link.join(PATIENCE)
        server.shutdown()

    assert ["ping"] == received


def test_knows_for_how_long_data_has_come(exchange: Exchange) -> None:
    """The time counts from the first data."""
    talk = Talk(exchange)
    assert not talk.connection.has_delivered_for(0, time.monotonic())
    talk.connection.note_data()
    first_data_at = talk.connection.first_data_at
    talk.connection.note_data()

    assert first_data_at is not None
    assert talk.connection.has_delivered_for(10, first_data_at + 10)
    assert not talk.connection.has_delivered_for(10, first_data_at + 9)
    talk.connection.link.close()
    talk.connection.link.join(PATIENCE)
