"""Random messages to `/ws/market/feed` are answered or refused, and nothing crashes."""

import contextlib
import json
import os
import random
from typing import Any

from omcrm.errors import MessageRefused
from omcrm.gateways.market_feed import MarketFeed
from tests.gateways.clients import SYMBOLS, Market, client, services
from tests.gateways.conftest import FEED
from tests.gateways.here import JsonPeer, Served
from tests.streaming.raw_client import CLOSE, PING, TEXT, frame

KEYS = ("action", "symbols", "level", "channels", "history", "type", "")
TEXTS = ("subscribe", "unsubscribe", "ping", "basic", "quotes", "trades", "level2", *SYMBOLS)


def value(random: random.Random, depth: int = 0) -> Any:
    """A random value, valid or not."""
    kind = random.randrange(9 if depth < 4 else 6)
    if kind < 3:
        return random.choice(TEXTS)
    if kind == 3:
        return random.choice((None, True, -1, 0, 3, 501, 10**30, 1.5, -1e308))
    if kind == 4:
        return "".join(chr(random.choice((0, 34, 92, 127, 233, 0x2028, 0x1F600))) for _ in range(5))
    if kind == 5:
        return random.choice(TEXTS).lower() + " "
    if kind < 8:
        return [value(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(KEYS): value(random, depth + 1) for _ in range(random.randrange(4))}


def message(random: random.Random) -> str:
    """A message that may be valid, nearly valid, or nonsense."""
    body: Any = {"action": random.choice(TEXTS[:3]), "symbols": random.sample(SYMBOLS, 2)}
    for _ in range(random.randrange(4)):
        body[random.choice(KEYS)] = value(random)
    text = json.dumps(value(random) if random.random() < 0.1 else body)
    if random.random() < 0.3:
        cut = random.randrange(len(text))
        text = text[:cut] + chr(random.randrange(128)) + text[cut + random.randrange(3) :]
    return text


def test_thousands_of_messages(tries: int) -> None:
    """Each is answered or refused; subscriptions stay within the limit."""
    chance, market = random.Random(20260304), Market()
    dialect: Any = MarketFeed(market)
    one = client(services(subscriptions=2), dialect)
    dialect.opened(one)
    refused = 0
    for _ in range(tries):
        try:
            dialect.received(one, message(chance))
        except MessageRefused as refusal:
            refused += 1
            json.loads(dialect.error(refusal))
        assert len(one.subscriptions) <= 2
    dialect.closed(one)

    assert 0.25 < refused / tries < 0.95


def test_hundreds_of_messages_and_frames_over_sockets(here: Served) -> None:
    """Each connection stays open or is closed with a code of the protocol; the next is served."""
    chance, token, codes = random.Random(3), here.token(), set[int | None]()
    for number in range(30):
        with here.connect(FEED, token) as peer:
            for _ in range(10):
                peer.raw.send(
                    frame(TEXT, message(chance).encode())
                    if number % 3
                    else frame(chance.choice((0, 1, 2, 3, 8, 9, 10)), os.urandom(30))
                )
            codes.add(_end(peer))

    assert codes <= {None, 1000, 1002, 1007, 1008}
    assert {1002, None} <= codes
    with here.connect(FEED) as peer:
        assert "pong" == peer.ask({"action": "ping"})["type"]


def _end(peer: JsonPeer) -> int | None:
    """The code of the close; None where the connection is open."""
    with contextlib.suppress(OSError):
        peer.raw.send(frame(PING, b"alive?"))
    for reply in peer.raw.frames():
        if reply.opcode == CLOSE:
            return reply.code
        if reply.payload == b"alive?":
            return None
    return 1000
