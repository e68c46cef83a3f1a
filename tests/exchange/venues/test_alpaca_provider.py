"""What the provider reads of the venue, over a real socket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from websocket import WebSocketTimeoutException

from omcrm.exchange.venues import alpaca
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
)
from omcrm.feeds.providers.alpaca import KEY, KEY_ID, Alpaca
from omcrm.market.tick import Tick

ID, SECRET = "PKEXAMPLEKEYID", "example-secret-of-alpaca"
IEX, TEST, COINS = "/v2/iex", "/v2/test", "/v1beta3/crypto/us"
NAMES = {"AAPL": "AAPL", "BTC/USD": "BTC", "FAKEPACA": "FAKE"}


class Desk:
    """A provider at the other end of a real connection, and all that it read."""

    def __init__(self, market, path: str = IEX, key: str = ID, secret: str = SECRET) -> None:
        url = f"ws://127.0.0.1:{market.port}/alpaca{path}"
        self.provider = Alpaca(url, Keys({KEY_ID: key, KEY: secret}.__getitem__))
        self.client = market.connect(f"/alpaca{path}")
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

    def part(self, name: str) -> Any:
        """The next trade, book or day."""
        tick = self.read_until(lambda event: isinstance(event, Tick) and getattr(event, name))
        return getattr(tick, name)


def is_final(event: Event) -> bool:
    return isinstance(event, AccessDenied | RequestRejected)


@pytest.mark.parametrize(("path", "name"), [(IEX, "AAPL"), (COINS, "BTC/USD")])
def test_the_provider_follows_the_whole_conversation(market, path: str, name: str) -> None:
    """It is welcomed, gets every part of a price, and nothing after it has given up."""
    desk = Desk(market, path)
    desk.log_in()
    desk.send(desk.provider.subscribe([name], 1))
    desk.read_until(lambda event: isinstance(event, Acknowledged))
    trade, book, day = (desk.part(part) for part in ("trade", "book", "day"))
    desk.send(desk.provider.unsubscribe([name], 2))
    desk.read_until(lambda event: isinstance(event, Acknowledged))
    desk.client.settimeout(0.5)

    assert abs(trade.price - book.bid) < trade.price / 10
    assert book.bid < book.ask
    assert day.low <= trade.price * 2
    assert (path == COINS) == isinstance(trade.id, int)
    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in desk.events}
    with pytest.raises(WebSocketTimeoutException):
        desk.client.recv()


def test_the_provider_reads_sizes_as_shares(market) -> None:
    """What the venue counts in lots is what the market offered, rounded to lots."""
    desk = Desk(market)
    desk.log_in()
    desk.send(desk.provider.subscribe(["AAPL"], 1))
    book = desk.part("book")

    assert book.bid_size >= 100
    assert (0, 0) == (book.bid_size % 100, book.ask_size % 100)


def test_the_provider_reads_fakepaca(market) -> None:
    """The test feed is served without daily bars."""
    desk = Desk(market, TEST)
    desk.log_in()
    desk.send(desk.provider.subscribe(["FAKEPACA"], 1))

    assert desk.part("trade").price > 100
    assert desk.part("book").bid > 100
    assert not any(is_final(event) for event in desk.events)


def test_the_provider_reads_mixed_arrays(market) -> None:
    """One frame brings several ticks."""
    desk = Desk(market)
    desk.log_in()
    market.fault("trick", venue="alpaca", name="mixed")
    desk.send(desk.provider.subscribe(["AAPL"], 1))
    desk.part("trade")
    desk.part("book")

    assert len([event for event in desk.events if isinstance(event, Tick)]) > 2


@pytest.mark.parametrize(
    ("path", "key", "secret", "event"),
    [
        (IEX, "badly-typed", SECRET, AccessDenied(401, "auth failed")),
        (IEX, ID, "bad-secret", AccessDenied(401, "auth failed")),
        (IEX, "", SECRET, AccessDenied(401, "auth failed")),
        ("/v2/sip", "free-plan", SECRET, AccessDenied(403, "insufficient subscription")),
    ],
)
def test_the_provider_hears_why_it_is_not_let_in(
    market, path: str, key: str, secret: str, event: Event
) -> None:
    """A wrong key and a plan that does not hold the feed are told apart."""
    desk = Desk(market, path, key, secret)
    desk.send(desk.provider.opening())

    assert event == desk.read_until(is_final)


def test_the_provider_hears_that_another_has_the_place(market) -> None:
    """A second connection of the key is one too many."""
    first, desk = Desk(market), Desk(market)
    first.log_in()
    desk.send(desk.provider.opening())

    assert AccessDenied(429, "connection limit exceeded") == desk.read_until(is_final)


def test_the_provider_hears_that_it_was_too_late(market, monkeypatch) -> None:
    """So it does that nothing is served before the login."""
    monkeypatch.setattr(alpaca, "AUTH_WITHIN", 1)
    late, early = Desk(market), Desk(market)
    early.send(early.provider.subscribe(["AAPL"], 1))

    assert AccessDenied(401, "not authenticated") == early.read_until(is_final)
    assert AccessDenied(401, "auth timeout") == late.read_until(is_final)


def test_the_provider_hears_of_the_limit_and_keeps_what_it_has(market) -> None:
    """The first thirty symbols fit; one more is refused, and prices go on."""
    desk = Desk(market)
    desk.log_in()
    desk.send(desk.provider.subscribe(["AAPL", *(f"S{number}" for number in range(29))], 1))
    desk.send(desk.provider.subscribe(["ONEMORE"], 3))

    assert RequestRejected(405, "symbol limit exceeded") == desk.read_until(is_final)
    assert desk.part("trade")


def test_the_provider_hears_of_a_second_login_and_of_bad_requests(market) -> None:
    """They are refused, and the connection stays."""
    desk = Desk(market)
    desk.log_in()
    desk.send([*desk.provider.opening(), "no JSON", '{"action":"subscribe","news":["AAPL"]}'])

    assert RequestRejected(403, "already authenticated") == desk.read_until(is_final)
    assert RequestRejected(400, "invalid syntax") == desk.read_until(is_final)
    assert RequestRejected(410, "invalid subscribe action for this feed") == desk.read_until(
        is_final
    )


def test_the_provider_hears_that_it_is_too_slow(market) -> None:
    """The cut has a reason."""
    desk = Desk(market)
    desk.log_in()
    market.fault("trick", venue="alpaca", name="slow")

    assert AccessDenied(503, "slow client") == desk.read_until(is_final)


def test_neither_half_of_the_key_is_told(market) -> None:
    """Neither events nor what the exchange tells of its connections hold the id or the secret."""
    desk, second = Desk(market), Desk(market)
    desk.log_in()
    desk.send(desk.provider.subscribe(["AAPL"], 1))
    desk.part("trade")
    second.send(second.provider.opening())
    second.read_until(is_final)
    told = [repr(desk.events), repr(second.events), json.dumps(market.get("/control"))]

    assert not [text for text in told if ID in text or SECRET in text]
