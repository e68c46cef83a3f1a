"""What the product's Alpaca client reads, over a real socket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from websocket import WebSocketTimeoutException

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
)
from omcrm.feeds.providers.alpaca import PROVIDER
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.market.tick import Tick
from simulator.providers import alpaca

ENVS = [key.env for key in PROVIDER.keys]
ID, SECRET = "PKEXAMPLEKEYID", "example-secret-of-alpaca"
IEX, TEST, COINS = "/v2/iex", "/v2/test", "/v1beta3/crypto/us"
NAMES = {"AAPL": "AAPL", "BTC/USD": "BTC", "FAKEPACA": "FAKE"}


class AlpacaClient:
    """The product's client on a real connection, and all that it read."""

    def __init__(self, running, path: str = IEX, key: str = ID, secret: str = SECRET) -> None:
        url = f"ws://127.0.0.1:{running.port}/alpaca{path}"
        self.provider = Alpaca(url, Keys(dict(zip(ENVS, (key, secret), strict=True)).__getitem__))
        self.client = running.connect(f"/alpaca{path}")
        self.events: list[Event] = []

    def log_in(self) -> None:
        self.send(self.provider.opening())
        self.read_until(lambda event: isinstance(event, Authenticated))

    def send(self, frames: list[str]) -> None:
        for frame in frames:
            self.client.send(frame)

    def read_until(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that `wanted` accepts."""
        while True:
            arrival = FrameContext(datetime.now(UTC), 1, NAMES)
            events = list(self.provider.parse(self.client.recv(), arrival))
            self.events += events
            for event in events:
                if wanted(event):
                    return event

    def field(self, name: str) -> Any:
        """The next trade, book or day."""
        tick = self.read_until(lambda event: isinstance(event, Tick) and getattr(event, name))
        return getattr(tick, name)


def is_final(event: Event) -> bool:
    return isinstance(event, AccessDenied | RequestRejected)


@pytest.mark.parametrize(("path", "name"), [(IEX, "AAPL"), (COINS, "BTC/USD")])
def test_the_client_reads_the_whole_conversation(running, path: str, name: str) -> None:
    """It logs in, gets every field of a price, and nothing after it has unsubscribed."""
    client = AlpacaClient(running, path)
    client.log_in()
    client.send(client.provider.subscribe([name], 1))
    client.read_until(lambda event: isinstance(event, Acknowledged))
    trade, book, day = (client.field(field) for field in ("trade", "book", "day"))
    client.send(client.provider.unsubscribe([name], 2))
    client.read_until(lambda event: isinstance(event, Acknowledged))
    client.client.settimeout(0.5)

    assert abs(trade.price - book.bid) < trade.price / 10
    assert book.bid < book.ask
    assert day.low <= trade.price * 2
    assert (path == COINS) == isinstance(trade.id, int)
    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in client.events}
    with pytest.raises(WebSocketTimeoutException):
        client.client.recv()


def test_the_client_reads_sizes_as_shares(running) -> None:
    """Sizes in lots are the market's sizes, rounded to lots."""
    client = AlpacaClient(running)
    client.log_in()
    client.send(client.provider.subscribe(["AAPL"], 1))
    book = client.field("book")

    assert book.bid_size >= 100
    assert (0, 0) == (book.bid_size % 100, book.ask_size % 100)


def test_the_client_reads_fakepaca(running) -> None:
    """The test feed has no daily bars."""
    client = AlpacaClient(running, TEST)
    client.log_in()
    client.send(client.provider.subscribe(["FAKEPACA"], 1))

    assert client.field("trade").price > 100
    assert client.field("book").bid > 100
    assert not any(is_final(event) for event in client.events)


def test_the_client_reads_mixed_arrays(running) -> None:
    """One frame brings several ticks."""
    client = AlpacaClient(running)
    client.log_in()
    running.fault("trick", venue="alpaca", name="mixed")
    client.send(client.provider.subscribe(["AAPL"], 1))
    client.field("trade")
    client.field("book")

    assert len([event for event in client.events if isinstance(event, Tick)]) > 2


@pytest.mark.parametrize(
    ("path", "key", "secret", "event"),
    [
        (IEX, "badly-typed", SECRET, AccessDenied(401, "auth failed")),
        (IEX, ID, "bad-secret", AccessDenied(401, "auth failed")),
        (IEX, "", SECRET, AccessDenied(401, "auth failed")),
        ("/v2/sip", "free-plan", SECRET, AccessDenied(403, "insufficient subscription")),
    ],
)
def test_the_client_reads_why_a_login_is_refused(
    running, path: str, key: str, secret: str, event: Event
) -> None:
    """A wrong key and a plan without the feed are different errors."""
    client = AlpacaClient(running, path, key, secret)
    client.send(client.provider.opening())

    assert event == client.read_until(is_final)


def test_the_client_reads_the_connection_limit(running) -> None:
    """A second connection of the key is refused."""
    first, client = AlpacaClient(running), AlpacaClient(running)
    first.log_in()
    client.send(client.provider.opening())

    assert AccessDenied(429, "connection limit exceeded") == client.read_until(is_final)


def test_the_client_reads_the_login_timeout(running, monkeypatch) -> None:
    """And that commands before the login are refused."""
    monkeypatch.setattr(alpaca, "AUTH_WITHIN", 1)
    late, early = AlpacaClient(running), AlpacaClient(running)
    early.send(early.provider.subscribe(["AAPL"], 1))

    assert AccessDenied(401, "not authenticated") == early.read_until(is_final)
    assert AccessDenied(401, "auth timeout") == late.read_until(is_final)


def test_the_client_reads_the_symbol_limit(running) -> None:
    """The first thirty symbols are accepted; one more is refused, and prices go on."""
    client = AlpacaClient(running)
    client.log_in()
    client.send(client.provider.subscribe(["AAPL", *(f"S{number}" for number in range(29))], 1))
    client.send(client.provider.subscribe(["ONEMORE"], 3))

    assert RequestRejected(405, "symbol limit exceeded") == client.read_until(is_final)
    assert client.field("trade")


def test_the_client_reads_refused_requests(running) -> None:
    """A second login and a bad request are refused, and the connection stays."""
    client = AlpacaClient(running)
    client.log_in()
    client.send([*client.provider.opening(), "no JSON", '{"action":"subscribe","news":["AAPL"]}'])

    assert RequestRejected(403, "already authenticated") == client.read_until(is_final)
    assert RequestRejected(400, "invalid syntax") == client.read_until(is_final)
    assert RequestRejected(410, "invalid subscribe action for this feed") == client.read_until(
        is_final
    )


def test_the_client_reads_that_it_is_too_slow(running) -> None:
    """The disconnection has a reason."""
    client = AlpacaClient(running)
    client.log_in()
    running.fault("trick", venue="alpaca", name="slow")

    assert AccessDenied(503, "slow client") == client.read_until(is_final)


def test_no_half_of_the_key_is_published(running) -> None:
    """Neither events nor `GET /control` contain the id or the secret."""
    client, second = AlpacaClient(running), AlpacaClient(running)
    client.log_in()
    client.send(client.provider.subscribe(["AAPL"], 1))
    client.field("trade")
    second.send(second.provider.opening())
    second.read_until(is_final)
    fields = [repr(client.events), repr(second.events), json.dumps(running.get("/control"))]

    assert not [text for text in fields if ID in text or SECRET in text]
