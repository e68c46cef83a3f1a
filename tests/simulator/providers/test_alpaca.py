"""The reason for its length: every step of the conversation can be refused in its own way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from websocket import (
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketTimeoutException,
)

from simulator.providers import alpaca

ID, SECRET = "PKEXAMPLEKEYID", "example-secret-of-alpaca"
IEX, TEST, COINS = "/v2/iex", "/v2/test", "/v1beta3/crypto/us"
CONNECTED = [{"T": "success", "msg": "connected"}]
AUTHENTICATED = [{"T": "success", "msg": "authenticated"}]
EVERYTHING = {"trades": ["AAPL"], "quotes": ["AAPL"], "dailyBars": ["AAPL"]}
SILENT = {"bars": [], "updatedBars": [], "statuses": [], "lulds": []}


def refusal(code: int) -> list[dict[str, Any]]:
    return [{"T": "error", "code": code, "msg": alpaca.ERRORS[code]}]


def dial(running, path: str = IEX):
    """A client after the greeting."""
    client = running.connect(f"/alpaca{path}")
    assert CONNECTED == json.loads(client.recv())
    return client


def ask(client, **command: Any) -> Any:
    """The answer to a command, skipping market messages."""
    client.send(json.dumps(command))
    return answer(client)


def answer(client) -> Any:
    while (message := json.loads(client.recv()))[0]["T"] not in (
        "success",
        "error",
        "subscription",
    ):
        pass
    return message


def log_in(running, path: str = IEX, key: str = ID):
    """A client that has logged in."""
    client = dial(running, path)
    assert AUTHENTICATED == ask(client, action="auth", key=key, secret=SECRET)
    return client


def next_of(client, kind: str) -> dict[str, Any]:
    """The next message of a type, numbers exact."""
    while True:
        for load in json.loads(client.recv(), parse_float=Decimal):
            if load["T"] == kind:
                return load


def is_closed(client) -> bool:
    try:
        while client.recv():
            pass
    except (WebSocketConnectionClosedException, ConnectionError):
        pass
    return True


# The login


@pytest.mark.parametrize("path", alpaca.FEEDS)
def test_every_feed_has_a_greeting_and_a_login(running, path: str) -> None:
    """Greeting, login and answer are the same on every path."""
    client = dial(running, path)

    assert AUTHENTICATED == ask(client, action="auth", key=ID, secret=SECRET)


@pytest.mark.parametrize("path", ["", "/v2", "/v2/otc", "/v1beta3/crypto"])
def test_there_are_no_other_feeds(running, path: str) -> None:
    """The handshake is refused."""
    with pytest.raises(WebSocketBadStatusException) as refused:
        running.connect(f"/alpaca{path}")

    assert 404 == refused.value.status_code


@pytest.mark.parametrize(
    "sent",
    [
        '{"action":"subscribe","trades":["AAPL"]}',
        '{"action":"dance"}',
        '{"action":{}}',
        "{}",
        "[]",
        "null",
        "no JSON",
        "[" * 5000,
    ],
)
def test_commands_before_the_login_are_refused(running, sent: str) -> None:
    """Each is refused with 401, and a login is still possible."""
    client = dial(running)
    client.send(sent)

    assert refusal(401) == json.loads(client.recv())
    assert AUTHENTICATED == ask(client, action="auth", key=ID, secret=SECRET)


def test_bytes_that_are_no_text_are_refused(running) -> None:
    """They are refused like any other bad request."""
    client = dial(running)
    client.send_binary(b'{"action":"\xff"}')

    assert refusal(401) == json.loads(client.recv())


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("badly-typed", SECRET, 402),
        (ID, "bad-secret", 402),
        ("", SECRET, 402),
        (ID, "", 402),
        (17, SECRET, 400),
        (ID, None, 400),
    ],
)
def test_a_bad_key_is_refused(running, key: Any, secret: Any, code: int) -> None:
    """After the refusal the client may log in with a good key."""
    client = dial(running)

    assert refusal(code) == ask(client, action="auth", key=key, secret=secret)
    assert refusal(401) == ask(client, action="subscribe", trades=["AAPL"])
    assert AUTHENTICATED == ask(client, action="auth", key=ID, secret=SECRET)


def test_a_second_login_is_refused(running) -> None:
    """The first login remains."""
    client = log_in(running)

    assert refusal(403) == ask(client, action="auth", key=ID, secret=SECRET)
    assert {"feed": IEX, "authenticated": True}.items() <= status(running).items()


def test_a_missing_login_ends_the_connection(running, monkeypatch) -> None:
    """At the deadline the client receives 404, and the connection ends; logged-in clients stay."""
    monkeypatch.setattr(alpaca, "AUTH_WITHIN", 1)
    known, unknown = log_in(running), dial(running)

    assert refusal(404) == json.loads(unknown.recv())
    assert is_closed(unknown)
    assert refusal(403) == ask(known, action="auth", key=ID, secret=SECRET)


def test_one_key_has_one_connection_to_a_feed(running, room) -> None:
    """A second one is refused; other feeds and other keys are not affected."""
    first, second = log_in(running), dial(running)

    assert refusal(406) == ask(second, action="auth", key=ID, secret=SECRET)
    log_in(running, "/v2/delayed_sip")
    log_in(running, key="PKANOTHER")
    first.close(timeout=2)
    room.wait_until(lambda: 3 == len(connections(running)))
    assert AUTHENTICATED == ask(second, action="auth", key=ID, secret=SECRET)


def test_a_dead_connection_still_counts(running, room) -> None:
    """A vanished client counts until the server notices."""
    log_in(running)
    faults = running.simulator.servers["alpaca"].faults
    running.fault("half_open", venue="alpaca")
    # Only the old connection is dead: new ones are answered.
    faults.half_open = False
    client = dial(running)

    assert refusal(406) == ask(client, action="auth", key=ID, secret=SECRET)
    faults.half_open = True
    running.clear()
    room.wait_until(lambda: 1 == len(connections(running)))
    assert AUTHENTICATED == ask(client, action="auth", key=ID, secret=SECRET)


def test_a_free_plan_has_no_consolidated_feed(running) -> None:
    """It has the other feeds."""
    key = "free-plan"

    assert refusal(409) == ask(dial(running, "/v2/sip"), action="auth", key=key, secret=SECRET)
    assert AUTHENTICATED == ask(dial(running, IEX), action="auth", key=key, secret=SECRET)
    assert AUTHENTICATED == ask(dial(running, "/v2/sip"), action="auth", key=ID, secret=SECRET)


# Subscriptions


def test_answers_repeat_the_whole_list(running) -> None:
    """Subscribing adds, unsubscribing removes; corrections come with trades."""
    client = log_in(running)
    first = ask(client, action="subscribe", trades=["AAPL"], bars=["*"])
    second = ask(client, action="subscribe", trades=["NVDA", "AAPL"], quotes=["AAPL"])
    third = ask(client, action="unsubscribe", trades=["AAPL"], bars=["*"])
    none = {**SILENT, "T": "subscription", "trades": [], "quotes": [], "dailyBars": []}

    assert [
        {**none, "trades": ["AAPL"], "bars": ["*"]} | corrections("AAPL"),
    ] == first
    assert [
        {**none, "trades": ["AAPL", "NVDA"], "quotes": ["AAPL"], "bars": ["*"]}
        | corrections("AAPL", "NVDA")
    ] == second
    assert [{**none, "trades": ["NVDA"], "quotes": ["AAPL"]} | corrections("NVDA")] == third


def corrections(*names: str) -> dict[str, list[str]]:
    return {"corrections": list(names), "cancelErrors": list(names)}


@pytest.mark.parametrize(
    ("path", "channels"),
    [
        (TEST, {"trades", "quotes", "bars"}),
        (COINS, {"trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"}),
    ],
)
def test_every_feed_has_its_channels(running, path: str, channels: set[str]) -> None:
    """The answer names all of them; other channels are refused."""
    client = log_in(running, path)
    (message,) = ask(client, action="subscribe", trades=[])

    assert {"T", *channels} == message.keys()
    assert refusal(410) == ask(client, action="subscribe", statuses=[])


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "dance"},
        {"action": "subscribe", "trades": "AAPL"},
        {"action": "subscribe", "trades": [17]},
        {"action": "subscribe", "trades": ["aapl"]},
        {"action": "subscribe", "trades": ["BTC/USD"]},
        {"action": "unsubscribe", "trades": None},
    ],
)
def test_a_bad_request_is_refused(running, wrong: dict[str, Any]) -> None:
    """It changes nothing."""
    client = log_in(running)

    assert refusal(400) == ask(client, **wrong)
    assert [] == ask(client, action="subscribe", quotes=["AAPL"])[0]["trades"]


def test_the_list_is_unchanged_where_it_would_grow_too_long(running) -> None:
    """Thirty symbols of trades and quotes are allowed, and any number of bars."""
    client = log_in(running)
    names = [f"S{number}" for number in range(31)]
    full = ask(client, action="subscribe", trades=names[:20], quotes=names[10:30], bars=names)

    assert names == full[0]["bars"]
    assert refusal(405) == ask(client, action="subscribe", trades=["S1"], quotes=["S30"])
    assert refusal(405) == ask(client, action="subscribe", trades=["*"])
    assert full == ask(client, action="subscribe", trades=["S1"], quotes=["S11"])
    (fewer,) = ask(client, action="unsubscribe", trades=["S0"])
    assert names[1:20] == fewer["trades"]
    assert ["S30"] == ask(client, action="subscribe", quotes=["S30"])[0]["quotes"][-1:]


def test_an_unknown_symbol_stays_silent(running) -> None:
    """It is acknowledged without data."""
    client = log_in(running)

    assert ["NOSUCH"] == ask(client, action="subscribe", trades=["NOSUCH"])[0]["trades"]
    assert [] == status(running)["subscriptions"]


def test_unsubscribing_ends_the_messages(running) -> None:
    """No market message is received afterwards."""
    client = log_in(running)
    ask(client, action="subscribe", **EVERYTHING)
    before = status(running)["subscriptions"]
    ask(client, action="unsubscribe", **EVERYTHING)

    assert ["aapl@bookTicker", "aapl@ticker", "aapl@trade"] == sorted(before)
    assert [] == status(running)["subscriptions"]


def status(running) -> dict[str, Any]:
    """The state of the newest Alpaca connection in `GET /control`."""
    return connections(running)[-1]


def connections(running) -> list[dict[str, Any]]:
    return running.get("/control")["venues"]["alpaca"]["connections"]


# Messages


def test_a_trade_of_a_share(running) -> None:
    """The market's trade, in numbers, with nanoseconds."""
    client = log_in(running)
    ask(client, action="subscribe", trades=["AAPL"])
    message = next_of(client, "t")
    traded = {trade.id: trade for trade in running.server.source.listings["AAPL"].trades}
    trade = traded[message["i"]]

    assert ["T", "S", "i", "x", "p", "s", "c", "z", "t"] == list(message)
    assert Decimal(trade.price) / 10**8 == message["p"]
    assert trade.quantity // 10**8 == message["s"]
    assert isinstance(message["s"], int)
    assert abs(age(message["t"])) < timedelta(seconds=5)


def age(stamp: str) -> timedelta:
    # Microseconds are enough for Python 3.11.
    moment = datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC)
    return datetime.now(UTC) - moment


def test_a_quote_of_a_share_counts_round_lots(running) -> None:
    """Both sizes are whole lots, one at least."""
    client = log_in(running)
    ask(client, action="subscribe", quotes=["AAPL"])
    message = next_of(client, "q")

    assert ["T", "S", "bx", "bp", "bs", "ax", "ap", "as", "c", "z", "t"] == list(message)
    assert 0 < message["bp"] < message["ap"]
    assert all(isinstance(message[size], int) and 1 <= message[size] < 100 for size in ("bs", "as"))


def test_a_daily_bar_begins_at_midnight_in_new_york(running) -> None:
    """The figures are those of the market, and the day is that of the exchange."""
    client = log_in(running)
    ask(client, action="subscribe", dailyBars=["AAPL"])
    message = next_of(client, "d")

    assert ["T", "S", "o", "h", "l", "c", "v", "n", "vw", "t"] == list(message)
    assert message["l"] <= message["o"] <= message["h"]
    assert message["l"] <= message["vw"] <= message["h"]
    assert isinstance(message["v"], int)
    assert message["t"].endswith(("T04:00:00Z", "T05:00:00Z"))


def test_a_daily_bar_comes_once_a_minute(running) -> None:
    """The figures change every second and are sent once a minute."""
    client = log_in(running)
    ask(client, action="subscribe", dailyBars=["*"], trades=["AAPL"])
    first = next_of(client, "d")
    minute = datetime.now(UTC).minute
    seen = [load for _ in range(40) for load in json.loads(client.recv())]

    assert "AAPL" == first["S"]
    assert "t" in {message["T"] for message in seen}
    assert "d" not in {message["T"] for message in seen} or minute != datetime.now(UTC).minute


def test_coins_are_spelled_with_a_slash(running) -> None:
    """Their trades have a side and a number, their sizes are fractions."""
    client = log_in(running, COINS)
    ask(client, action="subscribe", trades=["BTC/USD"], quotes=["BTC/USD"], dailyBars=["BTC/USD"])
    trade, quote, bar = (next_of(client, kind) for kind in "tqd")

    assert ["T", "S", "p", "s", "t", "i", "tks"] == list(trade)
    assert ["T", "S", "bp", "bs", "ap", "as", "t"] == list(quote)
    assert trade["tks"] in ("B", "S")
    assert {"BTC/USD"} == {trade["S"], quote["S"], bar["S"]}
    assert bar["t"].endswith("T00:00:00Z")


def test_fakepaca_ticks_every_second(running) -> None:
    """Its trades are numbered by the second, and it can be muted."""
    client = log_in(running, TEST)
    ask(client, action="subscribe", trades=["FAKEPACA", "AAPL"], quotes=["FAKEPACA"])
    first, quote, second = next_of(client, "t"), next_of(client, "q"), next_of(client, "t")

    assert {"FAKEPACA"} == {first["S"], quote["S"], second["S"]}
    assert 1 <= second["i"] - first["i"] <= 2
    assert quote["bp"] < quote["ap"]
    running.fault("mute", venue="alpaca")
    client.settimeout(2.5)
    with pytest.raises(WebSocketTimeoutException):
        next_of(client, "no such type")


def test_zeros_at_the_end_of_a_second_are_left_out() -> None:
    """A fraction has no to nine digits."""
    assert "2026-01-05T14:30:00Z" == alpaca._short("2026-01-05T14:30:00.000000000Z")
    assert "2026-01-05T14:30:00.2Z" == alpaca._short("2026-01-05T14:30:00.200000000Z")
    assert "2026-01-05T14:30:00.123000789Z" == alpaca._short("2026-01-05T14:30:00.123000789Z")


def test_the_delayed_feed_is_a_quarter_of_an_hour_late(running) -> None:
    """By its timestamps."""
    client = log_in(running, "/v2/delayed_sip")
    ask(client, action="subscribe", trades=["AAPL"], quotes=["AAPL"])
    ages = [age(next_of(client, kind)["t"]) for kind in "tq"]

    assert all(timedelta(minutes=14) < age < timedelta(minutes=16) for age in ages)


# Tricks


def test_a_slow_client_is_disconnected(running) -> None:
    """407 comes first, then the end without a close frame."""
    client = log_in(running)
    ask(client, action="subscribe", trades=["AAPL"])
    running.fault("trick", venue="alpaca", name="slow")

    assert refusal(407) == answer(client)
    assert is_closed(client)


def test_types_may_be_mixed_in_one_array(running) -> None:
    """All messages of a second share an array; without the trick every array has one message."""
    client = log_in(running)
    ask(client, action="subscribe", trades=["AAPL"], quotes=["AAPL"])
    alone = [len(json.loads(client.recv())) for _ in range(20)]
    running.fault("trick", venue="alpaca", name="mixed")
    # Messages sent before still have an array of their own.
    arrays = (json.loads(client.recv()) for _ in range(60))
    mixed = next(array for array in arrays if len(array) > 2)

    assert {1} == set(alone)
    assert {"t", "q"} >= {message["T"] for message in mixed}
    assert any(
        {"t", "q"} == {message["T"] for message in array} for array in [mixed, *arrays_of(client)]
    )


def arrays_of(client) -> Iterator[list[dict[str, Any]]]:
    """The next three arrays."""
    return (json.loads(client.recv()) for _ in range(3))


def test_the_clock_may_be_ahead(running) -> None:
    """By any number of seconds."""
    client = log_in(running)
    running.fault("skewed_clock", venue="alpaca", seconds=3600)
    ask(client, action="subscribe", trades=["AAPL"])

    assert timedelta(minutes=-61) < age(next_of(client, "t")["t"]) < timedelta(minutes=-59)


def test_a_muted_connection_stays_open(running) -> None:
    """Requests are answered, and no price comes."""
    client = log_in(running)
    running.fault("mute", venue="alpaca")
    ask(client, action="subscribe", trades=["AAPL"], quotes=["AAPL"])
    client.settimeout(1.5)

    with pytest.raises(WebSocketTimeoutException):
        client.recv()
