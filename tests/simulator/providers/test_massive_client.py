"""What the product's Massive client reads, over a real socket."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
)
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from simulator.fixed import ONE
from tests.processes import PATIENCE
from tests.simulator.massive_client import KEY, Client, play


@pytest.fixture
def connect(running) -> Callable[[str], Client]:
    """Opens a connection to a cluster."""
    return lambda cluster="stocks": Client(running.connect(f"/massive/{cluster}"))


@pytest.fixture
def client(connect) -> Client:
    """A client of the stocks that is logged in."""
    client = connect()
    client.log_in()
    return client


def converse(running, client: Client, cluster: str, name: str, *wanted: str) -> list[Event]:
    """All events that the product's client reads until every wanted field has come.

    What is wanted are fields of ticks, and statuses.
    """
    url = f"ws://127.0.0.1:{running.port}/massive/{cluster}"
    provider = Massive(url, Keys(lambda name: KEY))
    events: list[Event] = []
    unsent, deadline = provider.opening(), time.monotonic() + 2 * PATIENCE
    while not all(any(getattr(event, field, None) for event in events) for field in wanted):
        assert time.monotonic() < deadline, "not all of it came"
        for frame in unsent:
            client.socket.send(frame)
        client.next()
        arrival = FrameContext(datetime.now(UTC), 1, {name: "OURS"})
        received = list(provider.parse(client.frames[-1], arrival))
        events += received
        unsent = provider.subscribe([name], 1) if Authenticated() in received else []
    return events


def test_the_client_reads_a_whole_conversation(running, connect) -> None:
    """From the greeting to every kind of price, nothing is unreadable and every tick is valid."""
    client = connect()
    events = converse(running, client, "stocks", "AAPL", "trade", "book", "day")
    trades = running.server.source.listings["AAPL"].trades.copy()
    sizes = {(Decimal(trade.price) / ONE, Decimal(trade.quantity) / ONE) for trade in trades}
    policy = POLICIES[AssetClass.STOCK]

    assert [Authenticated(), *[Acknowledged(None)] * 3] == events[:4]
    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in events}
    for tick in [event for event in events if isinstance(event, Tick)]:
        assert "OURS" == tick.symbol
        assert Validator().validate(tick, None, (), policy) is tick
        if tick.trade is not None:
            assert (tick.trade.price, tick.trade.size) in sizes
            assert tick.trade.time is not None
            assert abs(tick.received_at - tick.trade.time) < timedelta(seconds=PATIENCE)
    assert [] == [event for event in events if KEY in repr(event)]
    assert [] == [frame for frame in client.frames if KEY.encode() in frame]


@pytest.mark.parametrize(
    ("cluster", "name", "fields"),
    [
        ("crypto", "BTC-USD", ("trade", "book")),
        ("crypto", "BTC/USD", ("trade", "book")),
        ("forex", "EUR/USD", ("book",)),
        ("forex", "EUR-USD", ("book",)),
    ],
)
def test_the_client_reads_the_other_clusters(
    running, connect, cluster: str, name: str, fields: tuple[str, ...]
) -> None:
    """The URL alone decides what is subscribed and read, in either spelling."""
    events = converse(running, connect(cluster), cluster, name, *fields)

    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in events}


def test_the_client_reads_the_connection_limit(running, connect, client: Client) -> None:
    """It comes after success, as too many connections."""
    play(running, "newer")
    client.answers("subscribe", "Q.AAPL", 1)
    events = converse(running, connect(), "stocks", "AAPL", "status")

    assert [Authenticated(), *[Acknowledged(None)] * 3] == events[:4]
    assert isinstance(events[-1], AccessDenied)
    assert 429 == events[-1].status


def test_the_client_reads_a_refusal(client: Client) -> None:
    """A channel that the plan does not include does not end the connection."""
    client.answers("subscribe", "LULD.AAPL", 1)
    provider = Massive("wss://socket.massive.com/stocks", Keys(lambda name: KEY))
    (event,) = provider.parse(client.frames[-1], FrameContext(datetime.now(UTC), 1, {}))

    assert isinstance(event, RequestRejected)
    assert "LULD.AAPL" in event.message
