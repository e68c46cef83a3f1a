from decimal import Decimal

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Event, FrameContext
from omcrm.feeds.providers import massive, massive_forex
from omcrm.feeds.providers.massive_forex.stream import MassiveForex
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import Tick
from omcrm.settings import load
from tests.feeds.providers.massive_forex.samples import STREAM
from tests.values import START

KEYS = Keys(lambda name: "a-key" if name == "POLYGON_API_KEY" else "")
PROVIDER = MassiveForex("wss://socket.massive.com/forex", KEYS)


def read(frame: str) -> list[Event]:
    return list(PROVIDER.parse(frame, FrameContext(START, 3, {"EUR/USD": "EURUSD"})))


def test_has_the_key_of_the_shares_and_an_address_of_its_own() -> None:
    """Each cluster allows a connection, so that both can stream at once."""
    urls = load({}).feeds.urls

    assert massive.PROVIDER.keys == massive_forex.PROVIDER.keys
    assert ("wss://socket.massive.com/stocks", PROVIDER.url()) == (
        urls["massive"],
        urls["massive_forex"],
    )
    assert 1 == PROVIDER.limits.connections
    assert None is PROVIDER.missing()


@pytest.mark.parametrize(
    ("url", "claim"),
    [
        ("wss://socket.massive.com/forex", PriceClass.LIVE),
        ("wss://delayed.massive.com/forex", PriceClass.DELAYED),
    ],
)
def test_its_host_says_how_late_it_is(url: str, claim: PriceClass) -> None:
    """As for shares, under its own name."""
    source = MassiveForex(url, KEYS).source

    assert ("massive_forex", claim) == (source.name, source.claim)


def test_only_quotes_are_subscribed() -> None:
    """Nobody publishes trades of currencies."""
    (frame,) = PROVIDER.subscribe(["EUR/USD", "USD/JPY"], 1)

    assert '{"action":"subscribe","params":"C.EUR/USD,C.USD/JPY"}' == frame


def test_a_quote_is_a_book_without_sizes() -> None:
    """It has no price of its own."""
    events = [event for frame in STREAM.frames for event in read(frame)]
    ticks = [event for event in events if isinstance(event, Tick)]

    assert [(Decimal("1.0918"), Decimal("1.09185"))] == [
        (tick.book.bid, tick.book.ask) for tick in ticks[:1] if tick.book
    ]
    assert ["EURUSD"] * 3 == [tick.symbol for tick in ticks]
    assert {None} == {tick.trade for tick in ticks}
