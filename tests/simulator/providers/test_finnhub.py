"""The reason for its length: the provider has a WebSocket, HTTP and many tricks."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers.finnhub import KEY
from omcrm.feeds.providers.finnhub.poll import FinnhubQuote
from omcrm.feeds.providers.finnhub.stream import Finnhub
from omcrm.market.tick import Tick
from simulator.fixed import ONE
from simulator.providers import finnhub
from tests.processes import PATIENCE

TOKEN = "a-good-token"
NAMES = {
    "AAPL": "AAPL",
    "BINANCE:BTCUSDT": "BTC",
    "BINANCE:POLUSDT": "MATIC",
    "OANDA:EUR_USD": "EURUSD",
}
KEYS = Keys({KEY.env: TOKEN}.__getitem__)
STREAM = Finnhub("ws://127.0.0.1:9", KEYS)


def connect(running: Any, token: str = TOKEN) -> WebSocket:
    return running.connect(f"/finnhub?token={token}")


def ask(client: WebSocket, *names: str, kind: str = "subscribe") -> None:
    for name in names:
        client.send(json.dumps({"type": kind, "symbol": name}))


def trick(running: Any, name: str, amount: float = 1) -> None:
    wanted = {"fault": "trick", "venue": "finnhub", "name": name, "amount": amount}
    assert running.request("/control/faults", "POST", wanted)[0] == 200


def is_trade(message: dict[str, Any]) -> bool:
    return message["type"] == "trade"


def frames(client: WebSocket, count: int) -> list[str]:
    """The next frames, as they come."""
    return [client.recv() for _ in range(count)]


def trades(client: WebSocket, count: int) -> list[dict[str, Any]]:
    """The trades of so many frames, which contain nothing else."""
    messages = [json.loads(frame) for frame in frames(client, count)]
    assert all(map(is_trade, messages)), messages
    return [trade for message in messages for trade in message["data"]]


def has_ended(client: WebSocket) -> bool:
    """Whether the connection ends without a close frame."""
    opcode, until = 0, time.monotonic() + PATIENCE - 1
    try:
        while opcode != 8 and time.monotonic() < until:
            opcode, _ = client.recv_data(control_frame=True)
    except (OSError, WebSocketException):
        # Its own timeout is longer than ours.
        return time.monotonic() < until
    return False


def messages_within(client: WebSocket, seconds: float) -> list[dict[str, Any]]:
    """All messages of so many seconds."""
    received, until = [], time.monotonic() + seconds
    client.settimeout(0.1)
    while time.monotonic() < until:
        try:
            received.append(json.loads(client.recv()))
        except WebSocketException:
            continue
    client.settimeout(PATIENCE)
    return received


# The handshake


@pytest.mark.parametrize("query", ["", "?token=", "?token=bad", "?token=bad-token", "?key=good"])
def test_without_a_good_token_the_handshake_is_refused(running, query: str) -> None:
    """With 401 at the handshake, not an error afterwards."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        running.connect(f"/finnhub{query}")

    assert 401 == caught.value.status_code


def test_another_path_is_no_websocket(running) -> None:
    """One path serves all."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        running.connect(f"/finnhub/ws?token={TOKEN}")

    assert 404 == caught.value.status_code


def test_a_second_connection_with_the_token_drops_both(running, room) -> None:
    """A second connection ends the first and itself, without a close frame."""
    first = connect(running)
    ask(first, "AAPL", "BINANCE:BTCUSDT")
    trades(first, 1)
    second = connect(running)

    assert has_ended(second)
    assert has_ended(first)
    room.wait_until(lambda: not running.simulator.servers["finnhub"].client_sockets)
    third = connect(running)
    ask(third, "BINANCE:BTCUSDT")
    assert trades(third, 1)


def test_another_token_has_a_connection_of_its_own(running) -> None:
    """Another token does not affect it."""
    first, second = connect(running), connect(running, "another-token")
    for client in (first, second):
        ask(client, "BINANCE:BTCUSDT")

    assert trades(first, 2)
    assert trades(second, 2)


# Subscriptions


def test_nothing_is_acknowledged(running) -> None:
    """The first message is a trade."""
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")

    assert {"BINANCE:BTCUSDT"} == {trade["s"] for trade in trades(client, 3)}


def test_unknown_symbols_are_not_answered(running) -> None:
    """Neither an error nor a trade comes; nor for another spelling."""
    client = connect(running)
    ask(client, "XYZ", "BTCUSDT", "aapl", "COINBASE:BTC-USD")

    assert [] == messages_within(client, 0.5)


def test_unsubscribing_ends_a_symbol(running) -> None:
    """And no other."""
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT", "AAPL")
    trades(client, 2)
    ask(client, "BINANCE:BTCUSDT", kind="unsubscribe")
    messages_within(client, 0.3)

    assert {"AAPL"} == {trade["s"] for trade in trades(client, 3)}


def test_the_fifty_first_symbol_is_refused_without_a_name(running) -> None:
    """The error does not name it; earlier subscriptions go on, and may be repeated."""
    client = connect(running)
    ask(client, *(f"X{number}" for number in range(49)), "BINANCE:BTCUSDT", "X0", "AAPL")
    fields = [json.loads(frame) for frame in frames(client, 5)]

    assert {"type": "error", "msg": "Subscribing to too many symbols"} in fields
    assert 1 == sum(message["type"] == "error" for message in fields)
    assert {"BINANCE:BTCUSDT"} == {
        trade["s"] for message in fields if is_trade(message) for trade in message["data"]
    }


def test_leaving_one_makes_room_for_another(running) -> None:
    """The limit counts current subscriptions."""
    client = connect(running)
    ask(client, *(f"X{number}" for number in range(50)))
    ask(client, "X0", kind="unsubscribe")
    ask(client, "BINANCE:BTCUSDT")

    assert trades(client, 1)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"{",
        b'{"type":"\xff"}',
        b"[]",
        b"null",
        b'{"type":"subscribe"}',
        b'{"symbol":"AAPL"}',
        b'{"type":"subscribe","symbol":["AAPL"]}',
        b'{"type":["subscribe"],"symbol":"AAPL"}',
        b'{"type":"unsubscribe","symbol":"AAPL"}',
        b'{"type":"subscribe-news","symbol":"AAPL"}',
        b"[" * 100_000,
    ],
)
def test_malformed_messages_are_ignored(running, rubbish: bytes) -> None:
    """The connection goes on."""
    client = connect(running)
    client.send(rubbish)
    ask(client, "BINANCE:BTCUSDT")

    assert {"BINANCE:BTCUSDT"} == {trade["s"] for trade in trades(client, 1)}


# Trades


def test_a_trade_is_made_of_numbers(running) -> None:
    """Price and size are numbers, the time is whole milliseconds, and there is no trade id."""
    client = connect(running)
    ask(client, *NAMES)
    for trade in trades(client, 20):
        assert {"p", "s", "t", "v"} == trade.keys() - {"c"}
        assert isinstance(trade["p"], int | float)
        assert isinstance(trade["v"], int | float)
        assert isinstance(trade["t"], int)
        assert abs(time.time() - trade["t"] / 1000) < PATIENCE


def test_conditions_are_a_list_or_null_or_missing(running) -> None:
    """Shares have all forms, and coins have no conditions."""
    client = connect(running)
    ask(client, "AAPL", "BINANCE:BTCUSDT")
    fields = trades(client, 20)
    shares = [trade.get("c", "missing") for trade in fields if trade["s"] == "AAPL"]
    coins = [trade.get("c", "missing") for trade in fields if trade["s"] != "AAPL"]

    assert all(form in shares for form in (["1", "12"], [], None, "missing"))
    assert all(form in coins for form in ([], None, "missing"))
    assert ["1", "12"] not in coins


def test_a_frame_may_hold_several_symbols(running) -> None:
    """Trades of nearly the same time share a frame."""
    client = connect(running)
    ask(client, *NAMES)
    symbols = [
        {trade["s"] for trade in message["data"]} for message in map(json.loads, frames(client, 20))
    ]

    assert max(map(len, symbols)) > 1
    assert NAMES.keys() == set().union(*symbols)


def test_a_full_frame_does_not_wait(running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a frame is bounded."""
    monkeypatch.setattr(finnhub, "GATHERED", 60)
    monkeypatch.setattr(finnhub, "MOST_TRADES", 7)
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")

    assert [7, 7] == [len(json.loads(frame)["data"]) for frame in frames(client, 2)]


def test_currencies_have_prices_but_no_trades(running) -> None:
    """A size of 0 means that nothing was traded."""
    client = connect(running)
    ask(client, "OANDA:EUR_USD")

    assert {0} == {trade["v"] for trade in trades(client, 3)}


def test_a_trick_sends_every_price_without_a_trade(running) -> None:
    """Shares and coins, too, then have a size of 0."""
    trick(running, "updates")
    client = connect(running)
    ask(client, "AAPL", "BINANCE:BTCUSDT")

    assert {0} == {trade["v"] for trade in trades(client, 5)}


def test_a_trick_puts_the_newest_first(running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's client sorts them, and loses none."""
    monkeypatch.setattr(finnhub, "GATHERED", 0.5)
    trick(running, "unsorted")
    client = connect(running)
    ask(client, *NAMES)
    (frame,) = frames(client, 1)
    fields = [load["t"] for load in json.loads(frame)["data"]]
    read = [tick.trade.time for tick in ticks([frame])]

    assert len(set(fields)) > 1
    assert sorted(fields, reverse=True) == fields
    assert [datetime.fromtimestamp(timestamp / 1000, UTC) for timestamp in sorted(fields)] == read


def test_its_clock_can_be_ahead(running) -> None:
    """The times of trades and quotes are ahead."""
    running.fault("skewed_clock", venue="finnhub", seconds=1000)
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")
    (trade, *_) = trades(client, 1)
    quote = running.get(f"/finnhub/api/v1/quote?symbol=BINANCE:BTCUSDT&token={TOKEN}")

    assert 1000 - PATIENCE < trade["t"] / 1000 - time.time() <= 1000
    assert 1000 - PATIENCE < quote["t"] - time.time() <= 1000


# Pings


def test_pings_are_json(running) -> None:
    """They come at their interval and are all the same."""
    trick(running, "ping_every", 1)
    client = connect(running)

    assert [{"type": "ping"}] * 2 == [json.loads(frame) for frame in frames(client, 2)]


def test_pings_are_rare(running) -> None:
    """One a minute, so none in the first two seconds."""
    client = connect(running)

    assert [] == messages_within(client, 2.2)


def test_a_trick_stops_the_pings(running) -> None:
    """As on a connection that hangs."""
    trick(running, "ping_every", 1)
    trick(running, "no_ping")
    client = connect(running)

    assert [] == messages_within(client, 2.2)


def test_a_mute_connection_pings_on(running) -> None:
    """Data stops, and the connection looks healthy."""
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")
    trades(client, 1)
    running.fault("mute", venue="finnhub")
    messages_within(client, 0.3)
    trick(running, "ping_every", 1)

    assert [{"type": "ping"}] * 2 == [json.loads(frame) for frame in frames(client, 2)]


def test_a_half_open_connection_sends_nothing(running) -> None:
    """Not even the trades collected; when the fault ends, it is found dead."""
    trick(running, "ping_every", 1)
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")
    trades(client, 1)
    running.fault("half_open", venue="finnhub")
    messages_within(client, 0.2)

    assert [] == messages_within(client, 1.2)
    running.clear()
    assert has_ended(client)


# HTTP


def quote(running: Any, symbol: str, **headers: str) -> tuple[int, Any]:
    status, body, _ = running.request(f"/finnhub/api/v1/quote?symbol={symbol}", **headers)
    return status, body


@pytest.mark.parametrize("name", NAMES)
def test_a_quote_has_the_day(running, name: str) -> None:
    """Change, high and low fit to each other, and the time is in seconds."""
    fields = running.get(f"/finnhub/api/v1/quote?symbol={name}&token={TOKEN}")

    assert ["c", "d", "dp", "h", "l", "o", "pc", "t"] == list(fields)
    assert fields["l"] <= fields["c"] <= fields["h"]
    assert fields["l"] <= fields["o"] <= fields["h"]
    assert fields["d"] == pytest.approx(fields["c"] - fields["pc"])
    assert fields["dp"] == pytest.approx((fields["c"] / fields["pc"] - 1) * 100, abs=1e-4)
    assert isinstance(fields["t"], int)
    assert abs(time.time() - fields["t"]) < 60


def test_the_token_may_be_in_a_header(running) -> None:
    """A header is as good as the URL."""
    status, body = quote(running, "AAPL", **{"X-Finnhub-Token": TOKEN})

    assert 200 == status
    assert body["c"] > 0


@pytest.mark.parametrize("headers", [{}, {"X-Finnhub-Token": ""}, {"X-Finnhub-Token": "bad"}])
def test_without_a_good_token_a_call_is_refused(running, headers: dict[str, str]) -> None:
    """With the upstream's text."""
    assert (401, {"error": "Invalid API key"}) == quote(running, "AAPL", **headers)


@pytest.mark.parametrize("query", ["?symbol=XYZ&token=x", "?symbol=BTCUSDT&token=x", "?token=x"])
def test_an_unknown_symbol_is_zeros(running, query: str) -> None:
    """With the status 200."""
    assert {
        "c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0,
    } == running.get(f"/finnhub/api/v1/quote{query}")  # fmt: skip


def test_a_trick_gives_zeros_for_good_symbols(running) -> None:
    """As happens under load; it is no price."""
    trick(running, "zeros")

    assert 0 == running.get(f"/finnhub/api/v1/quote?symbol=AAPL&token={TOKEN}")["c"]


def test_a_trick_gives_no_access(running) -> None:
    """As for a key without access."""
    trick(running, "forbidden")
    status, body = quote(running, "AAPL", **{"X-Finnhub-Token": TOKEN})

    assert (403, {"error": "You don't have access to this resource."}) == (status, body)


@pytest.mark.parametrize(("path", "refused"), [("stock/candle", 403), ("stock/peers", 404)])
def test_candles_need_a_paid_plan(running, path: str, refused: int) -> None:
    """A free key gets 403; other paths are unknown."""
    status, _, _ = running.request(f"/finnhub/api/v1/{path}?symbol=AAPL&token={TOKEN}")

    assert refused == status


def test_the_limit_is_a_fault_like_any_other(running) -> None:
    """The fault `refuse` applies to calls as to handshakes."""
    running.fault("refuse", venue="finnhub", status=429, retry_after=7)
    status, _, headers = running.request(f"/finnhub/api/v1/quote?symbol=AAPL&token={TOKEN}")

    assert (429, "7") == (status, headers["Retry-After"])


# Read by the product's client


def ticks(fields: list[str], received_at: datetime | None = None) -> list[Tick]:
    events = parsed(fields, received_at)
    return [event for event in events if isinstance(event, Tick)]


def parsed(fields: list[str], received_at: datetime | None = None) -> list[Event]:
    arrival = FrameContext(received_at or datetime.now(UTC), 1, NAMES)
    return [event for frame in fields for event in STREAM.parse(frame, arrival)]


def test_the_client_reads_all_that_is_sent(running) -> None:
    """Trades of every symbol, pings and the limit's error: nothing is unreadable."""
    trick(running, "ping_every", 1)
    client = running.connect(f"/finnhub{Finnhub('', KEYS).url()}")
    for frame in STREAM.subscribe([*NAMES, *(f"X{number}" for number in range(47))], 1):
        client.send(frame)
    fields = frames(client, 25)
    events = parsed(fields)
    counted = sum(len(message["data"]) for message in map(json.loads, fields) if is_trade(message))

    assert {"trade", "ping", "error"} == {json.loads(text)["type"] for text in fields}
    assert [] == [event for event in events if isinstance(event, Unreadable)]
    assert [RequestRejected(0, "Subscribing to too many symbols")] == [
        event for event in events if isinstance(event, RequestRejected)
    ]
    assert counted == len(ticks(fields))
    assert set(NAMES.values()) == {tick.symbol for tick in ticks(fields)}
    assert TOKEN not in repr(events)


def test_the_client_keeps_prices_exactly(running) -> None:
    """The client reads the market's own prices, to the last digit."""
    client = connect(running)
    ask(client, "BINANCE:BTCUSDT")
    (tick, *_) = ticks(frames(client, 1))
    traded = running.server.source.listings["BTCUSDT"].trades.copy()

    assert tick.trade is not None
    assert (tick.trade.price, tick.trade.size) in [
        (Decimal(trade.price) / ONE, Decimal(trade.quantity) / ONE) for trade in traded
    ]


def test_the_client_reads_quotes(running) -> None:
    """Each kind of symbol has one, in the call that names it."""
    provider = FinnhubQuote(f"http://127.0.0.1:{running.port}/finnhub/api/v1", KEYS)
    arrival, fetcher = FrameContext(datetime.now(UTC), 1, NAMES), Fetcher()
    events = [
        event
        for call in provider.calls(list(NAMES))
        for event in provider.parse(call, fetcher.get(call), arrival)
    ]
    fetcher.close()

    assert list(NAMES.values()) == [event.symbol for event in events if isinstance(event, Tick)]
    assert all(
        isinstance(event, Tick) and event.day and event.day.change_percent for event in events
    )
    assert TOKEN not in repr(events)
