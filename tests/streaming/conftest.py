"""Connections with a test peer, rate tiers with a test clock, and Socket.IO servers."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.frame import WINDOW_BITS
from omcrm.streaming.reactor import Reactor
from omcrm.streaming.socketio_adapter import RealtimeServer
from tests.processes import PATIENCE, wait_for
from tests.streaming.pair import Opener, Pair, tcp_pair
from tests.streaming.polling_client import Serve
from tests.streaming.raw_client import RawClient
from tests.streaming.recording_listener import RecordingListener
from tests.streaming.timed_tier import TimedTier, same_price


@pytest.fixture(scope="module")
def reactor() -> Reactor:
    """One reactor for a module; its thread ends with the process."""
    return Reactor()


@pytest.fixture
def opened(reactor: Reactor) -> Iterator[Opener]:
    """Makes pairs, and checks at the end that nothing of them is left."""
    made: list[Pair] = []
    with ExitStack() as stack:

        def make(
            limits: ConnectionLimits | None = None,
            listener: RecordingListener | None = None,
            first: bytes = b"",
            early: bytes = b"",
            tcp: bool = False,
            deflates: bool = False,
        ) -> Pair:
            ours, theirs = tcp_pair() if tcp else socket.socketpair()
            ours.setblocking(False)
            extensions = [PerMessageDeflate(True, True, 15, WINDOW_BITS)] if deflates else []
            connection = WebSocketConnection(
                ours, reactor, limits or ConnectionLimits(), extensions
            )
            pair = Pair(
                connection, listener or RecordingListener(), stack.enter_context(RawClient(theirs))
            )
            made.append(pair)
            connection.start(pair.listener, first, early)
            return pair

        yield make
    for socket_pair in made:
        socket_pair.listener.end.wait(PATIENCE)
    assert [1] * len(made) == [pair.listener.ends for pair in made]
    assert 0 == reactor.connections()


@pytest.fixture
def timed_tier() -> TimedTier:
    """A tier in which no two quotes are alike."""
    return TimedTier()


@pytest.fixture
def price_tier() -> TimedTier:
    """A tier in which quotes of the same price are alike."""
    return TimedTier(same_price)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Makes servers, and checks at the end that nothing of their clients is left."""
    made: list[RealtimeServer] = []

    def make(**options: Any) -> RealtimeServer:
        options = {"cors_allowed_origins": [], "connect_timeout": 60, **options}
        logger = logging.getLogger("test")
        server = RealtimeServer(
            async_mode="threading",
            async_handlers=False,
            logger=logger,
            engineio_logger=logger,
            **options,
        )
        made.append(server)
        return server

    yield make
    for instance in made:
        instance.eio.disconnect()
        wait_for(lambda server=instance: not server.environ, 5, "all to be gone")
        assert ({}, {}, {}) == (instance.manager.rooms, instance._binary_packet, instance._held)
