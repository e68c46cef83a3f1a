"""Massive's words, spoken over real sockets and read by the provider.

Long for a reason: three clusters, and every way in which a connection of theirs ends.
"""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from websocket import (
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketTimeoutException,
)

from omcrm.exchange.fixed import ONE
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
)
from omcrm.feeds.providers.massive import Massive
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.processes import PATIENCE

KEY = "an-example-key"
CONNECTED = [{"ev": "status", "status": "connected", "message": "Connected Successfully"}]
WELCOME = [{"ev": "status", "status": "auth_success", "message": "authenticated"}]


def said(word: str, name: str) -> dict[str, str]:
    """How a channel is acknowledged."""
    return {"ev": "status", "status": "success", "message": f"{word} to: {name}"}


def fields(names: str) -> set[str]:
    return set(names.split())


def play(market, trick: str) -> None:
    """Let the venue play a trick."""
    wanted = {"fault": "trick", "venue": "massive", "name": trick}
    assert 200 == market.request("/control/faults", "POST", wanted)[0]


class Client:
    """A client of Massive's; every frame it hears is an array."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.frames: list[bytes] = []

    def next(self) -> Any:
        """The next frame."""
        text = self.socket.recv()
        assert text, "the connection is closed"
        self.frames.append(text.encode())
        return json.loads(text, parse_float=Decimal)

    def send(self, action: str, params: str) -> None:
        self.socket.send(json.dumps({"action": action, "params": params}))

    def log_in(self, key: str = KEY) -> Any:
        """Present a key, and give what is said to it."""
        assert self.next() == CONNECTED
        self.send("auth", key)
        return self.next()

    def answers(self, action: str, params: str, count: int) -> list[Any]:
        """The frames of statuses, until there are so many of these; prices are passed over."""
        self.send(action, params)
        frames: list[Any] = []
        while sum(map(len, frames)) < count:
            frame = self.next()
            if frame[0]["ev"] == "status":
                frames.append(frame)
        return frames

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The next event that is wanted."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self.next():
                if wanted(event):
                    return event
        raise AssertionError("no such event came")

    def event(self, kind: str) -> Any:
        """The next event of a kind."""
        return self.until(lambda event: event["ev"] == kind)

    def hears_for(self, seconds: float) -> list[Any]:
        """All events of this time."""
        heard, deadline = [], time.monotonic() + seconds
        with contextlib.suppress(WebSocketTimeoutException):
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                heard += self.next()
        self.socket.settimeout(PATIENCE)
        return heard

    def farewell(self) -> tuple[str, int | None]:
        """The last status, and the code of the close frame; None where there is none."""
        status = self.until(lambda event: event.get("status") not in (None, "success"))["status"]
        try:
            while True:
                opcode, data = self.socket.recv_data(control_frame=True)
                if opcode == 8:
                    return status, int.from_bytes(data[:2], "big")
        except (WebSocketConnectionClosedException, ConnectionError):
            return status, None


@pytest.fixture
def connect(market) -> Callable[[str], Client]:
    """Opens a connection to a cluster."""
    return lambda cluster="stocks": Client(market.connect(f"/massive/{cluster}"))


@pytest.fixture
def client(connect) -> Client:
    """A client of the stocks that is logged in."""
    client = connect()
    client.log_in()
    return client


# Who may come in


@pytest.mark.parametrize("path", ["/massive", "/massive/options", "/massive/stocks/x"])
def test_every_cluster_has_its_path(market, path: str) -> None:
    """There is nothing beside them."""
    with pytest.raises(WebSocketBadStatusException) as refused:
        market.connect(path)

    assert 404 == refused.value.status_code


@pytest.mark.parametrize("key", ["bad-key", ""])
def test_a_wrong_key_is_sent_away(connect, key: str) -> None:
    """It hears so, and the connection is closed."""
    client = connect()
    client.next()
    client.send("auth", key)

    assert ("auth_failed", 1008) == client.farewell()


def test_nobody_subscribes_before_the_key(connect) -> None:
    """What is asked for too early is refused and forgotten."""
    client = connect()
    client.next()
    client.send("subscribe", "T.AAPL")

    assert "error" == client.next()[0]["status"]

    client.send("auth", KEY)

    assert WELCOME == client.next()
    assert [] == client.hears_for(0.6)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"action":"auth"}', '{"action":"auth","params":[1]}', "[" * 9999],
)
def test_survives_what_is_no_command(connect, text: str) -> None:
    """It is an error, and the connection goes on."""
    client = connect()
    client.next()
    client.socket.send(text)

    assert "error" == client.next()[0]["status"]

    client.send("auth", KEY)

    assert WELCOME == client.next()


# What is acknowledged


def test_answers_for_every_channel_in_one_frame_or_in_several(client: Client) -> None:
    """By turns."""
    first = client.answers("subscribe", "T.AAPL,Q.AAPL,A.AAPL", 3)
    second = client.answers("subscribe", "T.MSFT,AM.AAPL", 2)

    assert [[said("subscribed", f"{channel}.AAPL") for channel in "TQA"]] == first
    assert [[said("subscribed", "T.MSFT")], [said("subscribed", "AM.AAPL")]] == second


def test_a_held_channel_is_not_acknowledged_again(client: Client) -> None:
    """Only what is new is answered; nothing at all where nothing is."""
    client.answers("subscribe", "Q.AAPL", 1)
    client.send("subscribe", "Q.AAPL")
    statuses = client.answers("subscribe", "Q.AAPL,T.AAPL", 1)

    assert [[said("subscribed", "T.AAPL")]] == statuses


def test_unsubscribes(client: Client) -> None:
    """What was given up falls silent, and only what was held is answered."""
    client.answers("subscribe", "T.AAPL,Q.AAPL", 2)
    statuses = client.answers("unsubscribe", "Q.AAPL,Q.MSFT", 1)
    events = client.hears_for(1.0)

    assert [[said("unsubscribed", "Q.AAPL")]] == statuses
    assert {"T"} == {event["ev"] for event in events}


def test_acknowledges_a_ticker_that_nobody_trades(client: Client) -> None:
    """An acknowledgement promises nothing."""
    assert [[said("subscribed", "T.NOSUCH")]] == client.answers("subscribe", "T.NOSUCH", 1)
    assert [] == client.hears_for(0.6)


def test_refuses_channels_of_other_clusters(client: Client) -> None:
    """The plan does not hold them."""
    ((refused, granted),) = client.answers("subscribe", "XT.BTC-USD,T.AAPL", 2)

    assert "error" == refused["status"]
    assert "XT.BTC-USD" in refused["message"]
    assert said("subscribed", "T.AAPL") == granted


# What is told


def test_tells_trades(market, client: Client) -> None:
    """Numbers are numbers, ids are texts, times are milliseconds, and `q` grows."""
    client.answers("subscribe", "T.AAPL", 1)
    trades = [client.event("T") for _ in range(4)]
    traded = market.exchange.source.listings["AAPL"].trades.copy()
    by_id = {str(trade.id): trade for trade in traded}
    for told in trades:
        trade = by_id[told["i"]]

        assert fields("ev sym i x p s ds t q z") == told.keys() - {"c"}
        assert ("AAPL", trade.price, trade.time) == (told["sym"], told["p"] * ONE, told["t"])
        assert trade.quantity // ONE == told["s"]
        assert Decimal(trade.quantity) / ONE == Decimal(told["ds"])
        assert (trade.quantity < 100 * ONE) == (told.get("c") == [37])
    assert [1, 2, 3, 4] == [trade["q"] for trade in trades]


def test_tells_quotes(client: Client) -> None:
    """The best prices and their sizes."""
    client.answers("subscribe", "Q.AAPL", 1)
    told = client.event("Q")

    assert fields("ev sym bx bp bs ax ap as t c q z") == told.keys()
    assert 0 < told["bp"] < told["ap"]
    assert told["bs"] > 0 < told["as"]


def test_packs_a_trade_with_the_quote_it_left(client: Client) -> None:
    """Several events share a frame, and the same quote is not told again."""
    client.answers("subscribe", "T.AAPL,Q.AAPL", 2)
    deadline, kinds, numbers, quotes = time.monotonic() + PATIENCE, set(), [], []
    while (len(numbers) < 20 or len(kinds) < 2) and time.monotonic() < deadline:
        frame = client.next()
        kinds.add(tuple(event["ev"] for event in frame))
        numbers += [event["q"] for event in frame]
        quotes += [[event[key] for key in ("bp", "bs", "ap", "as")] for event in frame[-1:]]

    assert {("T", "Q"), ("Q",)} == kinds
    assert list(range(1, len(numbers) + 1)) == numbers
    # One book may by chance be like the one before.
    assert sum(before == after for before, after in pairwise(quotes)) <= 1


def test_tells_bars_with_the_day(market, client: Client) -> None:
    """A bar says what happened in its second, and what the day is by now."""
    client.answers("subscribe", "A.AAPL,T.AAPL", 2)
    first, bar = client.event("A"), client.event("A")
    trades = market.exchange.source.listings["AAPL"].trades.copy()
    inside = [trade for trade in trades if bar["s"] <= trade.time < bar["e"]]
    prices = [trade.price for trade in inside]

    assert 1000 == bar["e"] - bar["s"]
    assert first["e"] <= bar["s"]
    assert sum(trade.quantity for trade in inside) == Decimal(bar["dv"]) * ONE
    assert [prices[0], prices[-1]] == [bar["o"] * ONE, bar["c"] * ONE]
    assert [max(prices), min(prices)] == [bar["h"] * ONE, bar["l"] * ONE]
    assert bar["l"] <= bar["vw"] <= bar["h"]
    assert bar["av"] > first["v"]
    assert bar["op"] > 0


def test_nothing_is_told_while_it_is_mute(market, client: Client) -> None:
    """Not even a bar: the socket lives and says nothing."""
    client.answers("subscribe", "T.AAPL,Q.AAPL,A.AAPL", 3)
    client.event("A")
    market.fault("mute", venue="massive")
    client.hears_for(0.2)

    assert [] == client.hears_for(1.5)


def test_a_star_is_every_ticker(client: Client) -> None:
    """Of its cluster."""
    answer = client.answers("subscribe", "T.*", 1)
    told = client.event("T")
    answers = client.answers("unsubscribe", "T.*", 1)

    assert [[said("subscribed", "T.*")]] == answer
    assert "AAPL" == told["sym"]
    assert [[said("unsubscribed", "T.*")]] == answers
    assert [] == [event for event in client.hears_for(0.6) if event["ev"] != "status"]


@pytest.mark.parametrize("name", ["BTC-USD", "BTC/USD", "*"])
def test_tells_coins(connect, name: str) -> None:
    """Trades with the taker's side, and quotes."""
    client = connect("crypto")
    client.log_in()
    client.answers("subscribe", f"XT.{name},XQ.{name}", 2)
    trade = client.until(lambda event: (event["ev"], event["pair"]) == ("XT", "BTC-USD"))
    quote = client.until(lambda event: (event["ev"], event["pair"]) == ("XQ", "BTC-USD"))

    assert fields("ev pair i x p s c t r") == trade.keys()
    assert trade["c"] in ([1], [2])
    assert fields("ev pair bp bs ap as t x r") == quote.keys()
    assert 0 < quote["bp"] < quote["ap"]


@pytest.mark.parametrize("name", ["EUR/USD", "EUR-USD", "*"])
def test_tells_currencies(connect, name: str) -> None:
    """Best prices, however the pair was asked for."""
    client = connect("forex")
    client.log_in()
    client.answers("subscribe", f"C.{name}", 1)
    told = client.event("C")

    assert fields("ev p x a b t") == told.keys()
    assert "EUR/USD" == told["p"]
    assert 0 < told["b"] < told["a"]


# One connection for each key


def test_the_older_connection_ends_once_the_newer_has_subscribed(connect, client: Client) -> None:
    """Everything is granted to the newer one first: not its key ends the older, but its asking."""
    client.answers("subscribe", "Q.AAPL", 1)
    newer = connect()
    newer.log_in()

    assert "max_connections" not in {event.get("status") for event in client.hears_for(0.4)}
    assert [[said("subscribed", "Q.AAPL")]] == newer.answers("subscribe", "Q.AAPL", 1)
    assert ("max_connections", 1008) == client.farewell()
    assert "AAPL" == newer.event("Q")["sym"]


def test_the_newer_connection_may_be_the_one_that_ends(market, connect, client: Client) -> None:
    """After its success, as the trick has it."""
    play(market, "newer")
    client.answers("subscribe", "Q.AAPL", 1)
    newer = connect()
    newer.log_in()

    assert [[said("subscribed", "Q.AAPL")]] == newer.answers("subscribe", "Q.AAPL", 1)
    assert ("max_connections", 1008) == newer.farewell()
    assert "AAPL" == client.event("Q")["sym"]


@pytest.mark.parametrize(
    ("cluster", "key", "channel"), [("crypto", KEY, "XQ.*"), ("stocks", "another-key", "Q.*")]
)
def test_other_keys_and_clusters_do_not_count(
    connect, client: Client, cluster: str, key: str, channel: str
) -> None:
    """The cap is that of one key at one cluster."""
    client.answers("subscribe", "Q.AAPL", 1)
    other = connect(cluster)
    other.log_in(key)
    other.answers("subscribe", channel, 1)

    assert {"Q"} == {event["ev"] for event in client.hears_for(0.6)}


def test_a_connection_that_has_ended_does_not_count(connect, client: Client) -> None:
    """The next one may stay."""
    client.answers("subscribe", "Q.AAPL", 1)
    client.socket.close()
    other = connect()
    other.log_in()
    other.answers("subscribe", "Q.AAPL", 1)

    assert {"Q"} == {event["ev"] for event in other.hears_for(0.6)}


def test_a_slow_consumer_is_told_and_cut(market, client: Client) -> None:
    """Without a close frame."""
    client.answers("subscribe", "Q.AAPL", 1)
    play(market, "slow_consumer")

    assert ("slow_consumer", None) == client.farewell()


def test_the_key_is_not_in_the_status(market, client: Client) -> None:
    """Who asks the exchange what it is doing sees channels, and no key."""
    client.answers("subscribe", "T.AAPL", 1)
    venue = market.get("/control")["venues"]["massive"]
    (connection,) = venue["connections"]

    assert ("/stocks", ["T.AAPL"]) == (connection["cluster"], connection["channels"])
    assert KEY not in json.dumps(venue)


# The provider


def converse(market, client: Client, cluster: str, name: str, *wanted: str) -> list[Event]:
    """All that a provider reads of a conversation it leads, until all that is wanted has come.

    What is wanted are parts of ticks, and statuses.
    """
    url = f"ws://127.0.0.1:{market.port}/massive/{cluster}"
    provider = Massive(url, Keys(lambda name: KEY))
    events: list[Event] = []
    unsent, deadline = provider.opening(), time.monotonic() + 2 * PATIENCE
    while not all(any(getattr(event, part, None) for event in events) for part in wanted):
        assert time.monotonic() < deadline, "not all of it came"
        for frame in unsent:
            client.socket.send(frame)
        client.next()
        arrival = FrameContext(datetime.now(UTC), 1, {name: "OURS"})
        heard = list(provider.parse(client.frames[-1], arrival))
        events += heard
        unsent = provider.subscribe([name], 1) if Authenticated() in heard else []
    return events


def test_the_provider_reads_a_whole_conversation(market, connect) -> None:
    """From the greeting to every kind of price, nothing is unreadable and all of it is believed."""
    client = connect()
    events = converse(market, client, "stocks", "AAPL", "trade", "book", "day")
    trades = market.exchange.source.listings["AAPL"].trades.copy()
    sizes = {(Decimal(trade.price) / ONE, Decimal(trade.quantity) / ONE) for trade in trades}
    policy = POLICIES[AssetClass.STOCK]

    assert [Authenticated(), *[Acknowledged(None)] * 3] == events[:4]
    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in events}
    for tick in [event for event in events if isinstance(event, Tick)]:
        assert "OURS" == tick.symbol
        assert Validator().judge(tick, None, (), policy) is tick
        if tick.trade is not None:
            assert (tick.trade.price, tick.trade.size) in sizes
            assert tick.trade.time is not None
            assert abs(tick.received_at - tick.trade.time) < timedelta(seconds=PATIENCE)
    assert [] == [event for event in events if KEY in repr(event)]
    assert [] == [frame for frame in client.frames if KEY.encode() in frame]


@pytest.mark.parametrize(
    ("cluster", "name", "parts"),
    [
        ("crypto", "BTC-USD", ("trade", "book")),
        ("crypto", "BTC/USD", ("trade", "book")),
        ("forex", "EUR/USD", ("book",)),
        ("forex", "EUR-USD", ("book",)),
    ],
)
def test_the_provider_reads_the_other_clusters(
    market, connect, cluster: str, name: str, parts: tuple[str, ...]
) -> None:
    """The URL alone decides what is asked for and read, in either spelling."""
    events = converse(market, connect(cluster), cluster, name, *parts)

    assert {Authenticated, Acknowledged, Tick} == {type(event) for event in events}


def test_the_provider_understands_its_expulsion(market, connect, client: Client) -> None:
    """It comes after success, and says that there are too many connections."""
    play(market, "newer")
    client.answers("subscribe", "Q.AAPL", 1)
    events = converse(market, connect(), "stocks", "AAPL", "status")

    assert [Authenticated(), *[Acknowledged(None)] * 3] == events[:4]
    assert isinstance(events[-1], AccessDenied)
    assert 429 == events[-1].status


def test_the_provider_understands_a_refusal(client: Client) -> None:
    """A channel that the plan does not hold is no end."""
    client.answers("subscribe", "LULD.AAPL", 1)
    provider = Massive("wss://socket.massive.com/stocks", Keys(lambda name: KEY))
    (event,) = provider.parse(client.frames[-1], FrameContext(datetime.now(UTC), 1, {}))

    assert isinstance(event, RequestRejected)
    assert "LULD.AAPL" in event.message
