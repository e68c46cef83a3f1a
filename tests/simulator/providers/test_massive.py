"""Massive's protocol, over real sockets.

The reason for its length: three clusters, and every way in which a connection ends.
"""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from websocket import (
    WebSocketBadStatusException,
)

from simulator.fixed import ONE
from tests.processes import PATIENCE
from tests.simulator.massive_client import KEY, Client, play

WELCOME = [{"ev": "status", "status": "auth_success", "message": "authenticated"}]


def acknowledgement(word: str, name: str) -> dict[str, str]:
    """The acknowledgement of a channel."""
    return {"ev": "status", "status": "success", "message": f"{word} to: {name}"}


def keys(names: str) -> set[str]:
    return set(names.split())


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


# The login


@pytest.mark.parametrize("path", ["/massive", "/massive/options", "/massive/stocks/x"])
def test_every_cluster_has_its_path(running, path: str) -> None:
    """Other paths are 404."""
    with pytest.raises(WebSocketBadStatusException) as refused:
        running.connect(path)

    assert 404 == refused.value.status_code


@pytest.mark.parametrize("key", ["bad-key", ""])
def test_a_wrong_key_ends_the_connection(connect, key: str) -> None:
    """After a status."""
    client = connect()
    client.next()
    client.send("auth", key)

    assert ("auth_failed", 1008) == client.end()


def test_subscriptions_before_the_login_are_refused(connect) -> None:
    """And not remembered."""
    client = connect()
    client.next()
    client.send("subscribe", "T.AAPL")

    assert "error" == client.next()[0]["status"]

    client.send("auth", KEY)

    assert WELCOME == client.next()
    assert [] == client.events_within(0.6)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"action":"auth"}', '{"action":"auth","params":[1]}', "[" * 9999],
)
def test_survives_what_is_no_command(connect, text: str) -> None:
    """A malformed command is an error, and the connection stays."""
    client = connect()
    client.next()
    client.socket.send(text)

    assert "error" == client.next()[0]["status"]

    client.send("auth", KEY)

    assert WELCOME == client.next()


# Acknowledgements


def test_answers_for_every_channel_in_one_frame_or_in_several(client: Client) -> None:
    """Alternately."""
    first = client.answers("subscribe", "T.AAPL,Q.AAPL,A.AAPL", 3)
    second = client.answers("subscribe", "T.MSFT,AM.AAPL", 2)

    assert [[acknowledgement("subscribed", f"{channel}.AAPL") for channel in "TQA"]] == first
    assert [
        [acknowledgement("subscribed", "T.MSFT")],
        [acknowledgement("subscribed", "AM.AAPL")],
    ] == second


def test_a_held_channel_is_not_acknowledged_again(client: Client) -> None:
    """Only new channels are answered."""
    client.answers("subscribe", "Q.AAPL", 1)
    client.send("subscribe", "Q.AAPL")
    statuses = client.answers("subscribe", "Q.AAPL,T.AAPL", 1)

    assert [[acknowledgement("subscribed", "T.AAPL")]] == statuses


def test_unsubscribes(client: Client) -> None:
    """The channel falls silent, and only subscribed channels are answered."""
    client.answers("subscribe", "T.AAPL,Q.AAPL", 2)
    statuses = client.answers("unsubscribe", "Q.AAPL,Q.MSFT", 1)
    events = client.events(5)

    assert [[acknowledgement("unsubscribed", "Q.AAPL")]] == statuses
    assert {"T"} == {event["ev"] for event in events}


def test_acknowledges_an_unknown_ticker(client: Client) -> None:
    """As the real provider does."""
    assert [[acknowledgement("subscribed", "T.NOSUCH")]] == client.answers(
        "subscribe", "T.NOSUCH", 1
    )
    assert [] == client.events_within(0.6)


def test_refuses_channels_of_other_clusters(client: Client) -> None:
    """The plan does not include them."""
    ((refused, granted),) = client.answers("subscribe", "XT.BTC-USD,T.AAPL", 2)

    assert "error" == refused["status"]
    assert "XT.BTC-USD" in refused["message"]
    assert acknowledgement("subscribed", "T.AAPL") == granted


# Messages


def test_trades(running, client: Client) -> None:
    """Numbers are numbers, ids are strings, times are milliseconds, and `q` grows."""
    client.answers("subscribe", "T.AAPL", 1)
    trades = [client.event("T") for _ in range(4)]
    traded = running.server.source.listings["AAPL"].trades.copy()
    by_id = {str(trade.id): trade for trade in traded}
    for event in trades:
        trade = by_id[event["i"]]

        assert keys("ev sym i x p s ds t q z") == event.keys() - {"c"}
        assert ("AAPL", trade.price, trade.time) == (event["sym"], event["p"] * ONE, event["t"])
        assert trade.quantity // ONE == event["s"]
        assert Decimal(trade.quantity) / ONE == Decimal(event["ds"])
        assert (trade.quantity < 100 * ONE) == (event.get("c") == [37])
    assert [1, 2, 3, 4] == [trade["q"] for trade in trades]


def test_quotes(client: Client) -> None:
    """The best prices and their sizes."""
    client.answers("subscribe", "Q.AAPL", 1)
    event = client.event("Q")

    assert keys("ev sym bx bp bs ax ap as t c q z") == event.keys()
    assert 0 < event["bp"] < event["ap"]
    assert event["bs"] > 0 < event["as"]


def test_a_trade_and_its_quote_share_a_frame(client: Client) -> None:
    """And the same quote is not sent again."""
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


def test_bars_include_the_day(running, client: Client) -> None:
    """A bar has the figures of its second and of the day."""
    client.answers("subscribe", "A.AAPL,T.AAPL", 2)
    first, bar = client.event("A"), client.event("A")
    trades = running.server.source.listings["AAPL"].trades.copy()
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


def test_nothing_is_sent_while_it_is_mute(running, client: Client) -> None:
    """Not even a bar: the socket stays open."""
    client.answers("subscribe", "T.AAPL,Q.AAPL,A.AAPL", 3)
    client.event("A")
    running.fault("mute", venue="massive")
    client.events_within(0.2)

    assert [] == client.events_within(1.5)


def test_a_star_is_every_ticker(client: Client) -> None:
    """Of its cluster."""
    answer = client.answers("subscribe", "T.*", 1)
    event = client.event("T")
    answers = client.answers("unsubscribe", "T.*", 1)

    assert [[acknowledgement("subscribed", "T.*")]] == answer
    assert "AAPL" == event["sym"]
    assert [[acknowledgement("unsubscribed", "T.*")]] == answers
    assert [] == [event for event in client.events_within(0.6) if event["ev"] != "status"]


@pytest.mark.parametrize("name", ["BTC-USD", "BTC/USD", "*"])
def test_coins(connect, name: str) -> None:
    """Trades with the taker's side, and quotes."""
    client = connect("crypto")
    client.log_in()
    client.answers("subscribe", f"XT.{name},XQ.{name}", 2)
    trade = client.until(lambda event: (event["ev"], event["pair"]) == ("XT", "BTC-USD"))
    quote = client.until(lambda event: (event["ev"], event["pair"]) == ("XQ", "BTC-USD"))

    assert keys("ev pair i x p s c t r") == trade.keys()
    assert trade["c"] in ([1], [2])
    assert keys("ev pair bp bs ap as t x r") == quote.keys()
    assert 0 < quote["bp"] < quote["ap"]


@pytest.mark.parametrize("name", ["EUR/USD", "EUR-USD", "*"])
def test_currencies(connect, name: str) -> None:
    """Best prices, in either spelling of the pair."""
    client = connect("forex")
    client.log_in()
    client.answers("subscribe", f"C.{name}", 1)
    event = client.event("C")

    assert keys("ev p x a b t") == event.keys()
    assert "EUR/USD" == event["p"]
    assert 0 < event["b"] < event["a"]


# One connection for each key


def test_the_older_connection_ends_once_the_newer_has_subscribed(connect, client: Client) -> None:
    """The newer one's subscription ends the older one, not its login."""
    client.answers("subscribe", "Q.AAPL", 1)
    newer = connect()
    newer.log_in()

    assert "max_connections" not in {event.get("status") for event in client.events_within(0.4)}
    assert [[acknowledgement("subscribed", "Q.AAPL")]] == newer.answers("subscribe", "Q.AAPL", 1)
    assert ("max_connections", 1008) == client.end()
    assert "AAPL" == newer.event("Q")["sym"]


def test_the_newer_connection_may_be_the_one_that_ends(running, connect, client: Client) -> None:
    """After its success, with the trick."""
    play(running, "newer")
    client.answers("subscribe", "Q.AAPL", 1)
    newer = connect()
    newer.log_in()

    assert [[acknowledgement("subscribed", "Q.AAPL")]] == newer.answers("subscribe", "Q.AAPL", 1)
    assert ("max_connections", 1008) == newer.end()
    assert "AAPL" == client.event("Q")["sym"]


@pytest.mark.parametrize(
    ("cluster", "key", "channel"), [("crypto", KEY, "XQ.*"), ("stocks", "another-key", "Q.*")]
)
def test_other_keys_and_clusters_do_not_count(
    connect, client: Client, cluster: str, key: str, channel: str
) -> None:
    """The limit is one connection of a key at a cluster."""
    client.answers("subscribe", "Q.AAPL", 1)
    other = connect(cluster)
    other.log_in(key)
    other.answers("subscribe", channel, 1)

    assert {"Q"} == {event["ev"] for event in client.events(3)}


def test_a_connection_that_has_ended_does_not_count(connect, client: Client) -> None:
    """The next one may stay."""
    client.answers("subscribe", "Q.AAPL", 1)
    client.socket.close()
    other = connect()
    other.log_in()
    other.answers("subscribe", "Q.AAPL", 1)

    assert {"Q"} == {event["ev"] for event in other.events(3)}


def test_a_slow_consumer_is_disconnected(running, client: Client) -> None:
    """Without a close frame."""
    client.answers("subscribe", "Q.AAPL", 1)
    play(running, "slow_consumer")

    assert ("slow_consumer", None) == client.end()


def test_the_key_is_not_in_the_status(running, client: Client) -> None:
    """`GET /control` has the channels, and no key."""
    client.answers("subscribe", "T.AAPL", 1)
    venue = running.get("/control")["venues"]["massive"]
    (connection,) = venue["connections"]

    assert ("/stocks", ["T.AAPL"]) == (connection["cluster"], connection["channels"])
    assert KEY not in json.dumps(venue)
