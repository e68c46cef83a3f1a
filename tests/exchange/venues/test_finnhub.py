"""Long for a reason: the venue speaks on WebSockets and over HTTP, and has many tricks."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from omcrm.exchange.venues import finnhub
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers.finnhub import KEY, Finnhub, FinnhubQuote
from omcrm.market.tick import Tick
from tests.processes import PATIENCE

TOKEN = "a-good-token"
NAMES = {
    "AAPL": "AAPL",
    "BINANCE:BTCUSDT": "BTC",
    "BINANCE:POLUSDT": "MATIC",
    "OANDA:EUR_USD": "EURUSD",
}
KEYS = Keys({KEY: TOKEN}.__getitem__)
STREAM = Finnhub("ws://127.0.0.1:9", KEYS)


def connect(market: Any, token: str = TOKEN) -> WebSocket:
    return market.connect(f"/finnhub?token={token}")


def ask(client: WebSocket, *names: str, kind: str = "subscribe") -> None:
    for name in names:
        client.send(json.dumps({"type": kind, "symbol": name}))


def trick(market: Any, name: str, amount: float = 1) -> None:
    wanted = {"fault": "trick", "venue": "finnhub", "name": name, "amount": amount}
    assert market.request("/control/faults", "POST", wanted)[0] == 200


def is_trade(message: dict[str, Any]) -> bool:
    return message["type"] == "trade"


def frames(client: WebSocket, count: int) -> list[str]:
    """The next frames, as they come."""
    return [client.recv() for _ in range(count)]


def trades(client: WebSocket, count: int) -> list[dict[str, Any]]:
    """The trades of so many frames; nothing else may come meanwhile."""
    messages = [json.loads(frame) for frame in frames(client, count)]
    assert all(map(is_trade, messages)), messages
    return [trade for message in messages for trade in message["data"]]


def has_ended(client: WebSocket) -> bool:
    """Whether the connection ends, and no close frame says why."""
    opcode, until = 0, time.monotonic() + PATIENCE - 1
    try:
        while opcode != 8 and time.monotonic() < until:
            opcode, _ = client.recv_data(control_frame=True)
    except (OSError, WebSocketException):
        # Its own patience is longer than ours.
        return time.monotonic() < until
    return False


def hears(client: WebSocket, seconds: float) -> list[dict[str, Any]]:
    """All that comes in so many seconds."""
    heard, until = [], time.monotonic() + seconds
    client.settimeout(0.1)
    while time.monotonic() < until:
        try:
            heard.append(json.loads(client.recv()))
        except WebSocketException:
            continue
    client.settimeout(PATIENCE)
    return heard


# The handshake


@pytest.mark.parametrize("query", ["", "?token=", "?token=bad", "?token=bad-token", "?key=good"])
def test_without_a_good_token_the_handshake_is_refused(market, query: str) -> None:
    """It is 401 at the handshake, not an error afterwards."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        market.connect(f"/finnhub{query}")

    assert 401 == caught.value.status_code


def test_another_path_is_no_websocket(market) -> None:
    """One path serves all."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        market.connect(f"/finnhub/ws?token={TOKEN}")

    assert 404 == caught.value.status_code


def test_a_second_connection_with_the_token_drops_both(market, room) -> None:
    """One key has one connection; the second ends the first and itself, without a word."""
    first = connect(market)
    ask(first, "AAPL", "BINANCE:BTCUSDT")
    trades(first, 1)
    second = connect(market)

    assert has_ended(second)
    assert has_ended(first)
    room.wait_until(lambda: not market.market.venues["finnhub"].sessions)
    third = connect(market)
    ask(third, "BINANCE:BTCUSDT")
    assert trades(third, 1)


def test_another_token_has_a_connection_of_its_own(market) -> None:
    """Who has another key disturbs nobody."""
    first, second = connect(market), connect(market, "another-token")
    for client in (first, second):
        ask(client, "BINANCE:BTCUSDT")

    assert trades(first, 2)
    assert trades(second, 2)


# Subscriptions


def test_nothing_is_acknowledged(market) -> None:
    """The first thing that comes is a trade."""
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")

    assert {"BINANCE:BTCUSDT"} == {trade["s"] for trade in trades(client, 3)}


def test_unknown_symbols_are_met_with_silence(market) -> None:
    """Neither an error nor a trade comes; nor for what is spelled in another way."""
    client = connect(market)
    ask(client, "XYZ", "BTCUSDT", "aapl", "COINBASE:BTC-USD")

    assert [] == hears(client, 0.5)


def test_what_is_left_is_not_told_any_more(market) -> None:
    """Unsubscribing ends one symbol and no other."""
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT", "AAPL")
    trades(client, 2)
    ask(client, "BINANCE:BTCUSDT", kind="unsubscribe")
    hears(client, 0.3)

    assert {"AAPL"} == {trade["s"] for trade in trades(client, 3)}


def test_the_fifty_first_symbol_is_refused_without_a_name(market) -> None:
    """The error does not say which one; what was asked for before goes on, and may be again."""
    client = connect(market)
    ask(client, *(f"X{number}" for number in range(49)), "BINANCE:BTCUSDT", "X0", "AAPL")
    told = [json.loads(frame) for frame in frames(client, 5)]

    assert {"type": "error", "msg": "Subscribing to too many symbols"} in told
    assert 1 == sum(message["type"] == "error" for message in told)
    assert {"BINANCE:BTCUSDT"} == {
        trade["s"] for message in told if is_trade(message) for trade in message["data"]
    }


def test_leaving_one_makes_room_for_another(market) -> None:
    """The limit is on what is followed now."""
    client = connect(market)
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
def test_rubbish_is_met_with_silence(market, rubbish: bytes) -> None:
    """The connection serves on as if nothing had been said."""
    client = connect(market)
    client.send(rubbish)
    ask(client, "BINANCE:BTCUSDT")

    assert {"BINANCE:BTCUSDT"} == {trade["s"] for trade in trades(client, 1)}


# Trades


def test_a_trade_is_made_of_numbers(market) -> None:
    """Price and size are numbers, the time is whole milliseconds, and there is no trade id."""
    client = connect(market)
    ask(client, *NAMES)
    for trade in trades(client, 20):
        assert {"p", "s", "t", "v"} == trade.keys() - {"c"}
        assert isinstance(trade["p"], int | float)
        assert isinstance(trade["v"], int | float)
        assert isinstance(trade["t"], int)
        assert abs(time.time() - trade["t"] / 1000) < PATIENCE


def test_conditions_are_a_list_or_null_or_missing(market) -> None:
    """All of it is seen at shares, and coins have none."""
    client = connect(market)
    ask(client, "AAPL", "BINANCE:BTCUSDT")
    told = trades(client, 20)
    shares = [trade.get("c", "missing") for trade in told if trade["s"] == "AAPL"]
    coins = [trade.get("c", "missing") for trade in told if trade["s"] != "AAPL"]

    assert all(form in shares for form in (["1", "12"], [], None, "missing"))
    assert all(form in coins for form in ([], None, "missing"))
    assert ["1", "12"] not in coins


def test_a_frame_may_hold_several_symbols(market) -> None:
    """What is traded at nearly the same time comes together."""
    client = connect(market)
    ask(client, *NAMES)
    symbols = [
        {trade["s"] for trade in message["data"]} for message in map(json.loads, frames(client, 20))
    ]

    assert max(map(len, symbols)) > 1
    assert NAMES.keys() == set().union(*symbols)


def test_a_full_frame_does_not_wait(market, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many trades there are at once, a frame does not grow without end."""
    monkeypatch.setattr(finnhub, "GATHERED", 60)
    monkeypatch.setattr(finnhub, "MOST_TRADES", 7)
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")

    assert [7, 7] == [len(json.loads(frame)["data"]) for frame in frames(client, 2)]


def test_currencies_have_prices_but_no_trades(market) -> None:
    """A size of 0 says that nothing was traded."""
    client = connect(market)
    ask(client, "OANDA:EUR_USD")

    assert {0} == {trade["v"] for trade in trades(client, 3)}


def test_a_trick_tells_every_price_without_a_trade(market) -> None:
    """Shares and coins, too, may come with a size of 0."""
    trick(market, "updates")
    client = connect(market)
    ask(client, "AAPL", "BINANCE:BTCUSDT")

    assert {0} == {trade["v"] for trade in trades(client, 5)}


def test_a_trick_puts_the_newest_first(market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider puts them in order again, and loses none."""
    monkeypatch.setattr(finnhub, "GATHERED", 0.5)
    trick(market, "unsorted")
    client = connect(market)
    ask(client, *NAMES)
    (frame,) = frames(client, 1)
    told = [load["t"] for load in json.loads(frame)["data"]]
    read = [tick.trade.time for tick in ticks([frame])]

    assert len(set(told)) > 1
    assert sorted(told, reverse=True) == told
    assert [datetime.fromtimestamp(timestamp / 1000, UTC) for timestamp in sorted(told)] == read


def test_a_trick_sets_the_clock_ahead(market) -> None:
    """The times of trades and quotes are those of a clock that is fast."""
    trick(market, "ahead", 1000)
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")
    (trade, *_) = trades(client, 1)
    quote = market.get(f"/finnhub/api/v1/quote?symbol=BINANCE:BTCUSDT&token={TOKEN}")

    assert 1000 - PATIENCE < trade["t"] / 1000 - time.time() <= 1000
    assert 1000 - PATIENCE < quote["t"] - time.time() <= 1000


# Pings


def test_pings_are_json(market) -> None:
    """They come at their interval, and each is the same."""
    trick(market, "ping_every", 1)
    client = connect(market)

    assert [{"type": "ping"}] * 2 == [json.loads(frame) for frame in frames(client, 2)]


def test_pings_are_rare(market) -> None:
    """There is one a minute, and so none in the first two seconds."""
    client = connect(market)

    assert 60 == finnhub.PING_EVERY
    assert [] == hears(client, 2.2)


def test_a_trick_stops_the_pings(market) -> None:
    """A connection that hangs does not ping either."""
    trick(market, "ping_every", 1)
    trick(market, "no_ping")
    client = connect(market)

    assert [] == hears(client, 2.2)


def test_a_mute_connection_pings_on(market) -> None:
    """Data stops, and the upstream seems to be well."""
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")
    trades(client, 1)
    market.fault("mute", venue="finnhub")
    hears(client, 0.3)
    trick(market, "ping_every", 1)

    assert [{"type": "ping"}] * 2 == [json.loads(frame) for frame in frames(client, 2)]


def test_a_half_open_connection_says_nothing(market) -> None:
    """Nothing comes, not even what was gathered; when the fault is over it is found dead."""
    trick(market, "ping_every", 1)
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")
    trades(client, 1)
    market.fault("half_open", venue="finnhub")
    hears(client, 0.2)

    assert [] == hears(client, 1.2)
    market.clear()
    assert has_ended(client)


# HTTP


def quote(market: Any, symbol: str, **headers: str) -> tuple[int, Any]:
    status, body, _ = market.request(f"/finnhub/api/v1/quote?symbol={symbol}", **headers)
    return status, body


@pytest.mark.parametrize("name", NAMES)
def test_a_quote_has_the_day(market, name: str) -> None:
    """Change, high and low fit to each other, and the time is in seconds."""
    told = market.get(f"/finnhub/api/v1/quote?symbol={name}&token={TOKEN}")

    assert ["c", "d", "dp", "h", "l", "o", "pc", "t"] == list(told)
    assert told["l"] <= told["c"] <= told["h"]
    assert told["l"] <= told["o"] <= told["h"]
    assert told["d"] == pytest.approx(told["c"] - told["pc"])
    assert told["dp"] == pytest.approx((told["c"] / told["pc"] - 1) * 100, abs=1e-4)
    assert isinstance(told["t"], int)
    assert abs(time.time() - told["t"]) < 60


def test_the_token_may_be_in_a_header(market) -> None:
    """A header is as good as the URL."""
    status, body = quote(market, "AAPL", **{"X-Finnhub-Token": TOKEN})

    assert 200 == status
    assert body["c"] > 0


@pytest.mark.parametrize("headers", [{}, {"X-Finnhub-Token": ""}, {"X-Finnhub-Token": "bad"}])
def test_without_a_good_token_a_call_is_refused(market, headers: dict[str, str]) -> None:
    """The words are those of the upstream."""
    assert (401, {"error": "Invalid API key"}) == quote(market, "AAPL", **headers)


@pytest.mark.parametrize("query", ["?symbol=XYZ&token=x", "?symbol=BTCUSDT&token=x", "?token=x"])
def test_an_unknown_symbol_is_zeros(market, query: str) -> None:
    """The status is 200 all the same."""
    assert {
        "c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0,
    } == market.get(f"/finnhub/api/v1/quote{query}")  # fmt: skip


def test_a_trick_gives_zeros_for_good_symbols(market) -> None:
    """That happens under load, and is no price."""
    trick(market, "zeros")

    assert 0 == market.get(f"/finnhub/api/v1/quote?symbol=AAPL&token={TOKEN}")["c"]


def test_a_trick_gives_no_access(market) -> None:
    """A key may not be good for everything."""
    trick(market, "forbidden")
    status, body = quote(market, "AAPL", **{"X-Finnhub-Token": TOKEN})

    assert (403, {"error": "You don't have access to this resource."}) == (status, body)


@pytest.mark.parametrize(("path", "refused"), [("stock/candle", 403), ("stock/peers", 404)])
def test_candles_are_for_those_who_pay(market, path: str, refused: int) -> None:
    """The free key that everyone has gets 403; what nobody here asks for is not there."""
    status, _, _ = market.request(f"/finnhub/api/v1/{path}?symbol=AAPL&token={TOKEN}")

    assert refused == status


def test_the_limit_is_a_fault_like_any_other(market) -> None:
    """Calls are refused as handshakes are."""
    market.fault("refuse", venue="finnhub", status=429, retry_after=7)
    status, _, headers = market.request(f"/finnhub/api/v1/quote?symbol=AAPL&token={TOKEN}")

    assert (429, "7") == (status, headers["Retry-After"])


# Read by the provider


def ticks(told: list[str], received_at: datetime | None = None) -> list[Tick]:
    events = parsed(told, received_at)
    return [event for event in events if isinstance(event, Tick)]


def parsed(told: list[str], received_at: datetime | None = None) -> list[Event]:
    arrival = FrameContext(received_at or datetime.now(UTC), 1, NAMES)
    return [event for frame in told for event in STREAM.parse(frame, arrival)]


def test_the_provider_reads_all_that_is_sent(market) -> None:
    """Trades of every symbol, pings and the limit's error: nothing is unreadable."""
    trick(market, "ping_every", 1)
    client = market.connect(f"/finnhub{Finnhub('', KEYS).url()}")
    for frame in STREAM.subscribe([*NAMES, *(f"X{number}" for number in range(47))], 1):
        client.send(frame)
    told = frames(client, 25)
    events = parsed(told)
    counted = sum(len(message["data"]) for message in map(json.loads, told) if is_trade(message))

    assert {"trade", "ping", "error"} == {json.loads(text)["type"] for text in told}
    assert [] == [event for event in events if isinstance(event, Unreadable)]
    assert [RequestRejected(0, "Subscribing to too many symbols")] == [
        event for event in events if isinstance(event, RequestRejected)
    ]
    assert counted == len(ticks(told))
    assert set(NAMES.values()) == {tick.symbol for tick in ticks(told)}
    assert TOKEN not in repr(events)


def test_the_provider_keeps_prices_exactly(market) -> None:
    """What the exchange's own record holds is what is read, to the last digit."""
    client = connect(market)
    ask(client, "BINANCE:BTCUSDT")
    (tick, *_) = ticks(frames(client, 1))
    record = market.get("/api/v3/trades?symbol=BTCUSDT&limit=500")

    assert tick.trade is not None
    assert (tick.trade.price, tick.trade.size) in [
        (Decimal(trade["price"]), Decimal(trade["qty"])) for trade in record
    ]


def test_the_provider_reads_quotes(market) -> None:
    """Each kind of symbol has one, in the call that names it."""
    provider = FinnhubQuote(f"http://127.0.0.1:{market.port}/finnhub/api/v1", KEYS)
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
