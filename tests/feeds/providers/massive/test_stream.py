"""Massive's frames, as documented and as recorded.

Long for a reason: there is a test for every kind of event and status.
"""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
    UnknownCondition,
    Unreadable,
)
from omcrm.feeds.providers import massive
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.trade_condition import EVERYTHING, NOT_LAST, VOLUME_ONLY, TradeUpdates
from tests.values import START

URL = "wss://socket.massive.com/stocks"
SECRET = "an-example-key"
NAMES = {"AAPL": "AAPL", "BTC-USD": "BTC", "EUR/USD": "EURUSD"}
ARRIVAL = FrameContext(START, 3, NAMES)
AT = datetime(2026, 2, 2, 2, 40, 0, 123_000, tzinfo=UTC)
TRADE: dict[str, Any] = {
    "ev": "T", "sym": "AAPL", "i": "5101", "x": 4, "p": 231.55, "s": 100, "c": [14],
    "t": 1770000000123, "q": 900001, "z": 3,
}  # fmt: skip
QUOTE: dict[str, Any] = {
    "ev": "Q", "sym": "AAPL", "bx": 4, "bp": 231.54, "bs": 100, "ax": 7, "ap": 231.56, "as": 160,
    "c": 0, "i": [604], "t": 1770000000123, "q": 900002, "z": 3,
}  # fmt: skip
BAR: dict[str, Any] = {
    "ev": "A", "sym": "AAPL", "v": 4110, "av": 9470157, "op": 230.4, "vw": 231.51, "o": 231.5,
    "c": 231.55, "h": 231.6, "l": 231.42, "a": 231.2, "z": 70, "s": 1769999999123,
    "e": 1770000000123,
}  # fmt: skip
COIN: dict[str, Any] = {
    "ev": "XT", "pair": "BTC-USD", "i": "7", "x": 1, "p": 91234.56, "s": 0.0015, "c": [2],
    "t": 1770000000123, "r": 1770000000140,
}  # fmt: skip
COIN_QUOTE: dict[str, Any] = {
    "ev": "XQ", "pair": "BTC-USD", "bp": 91234.55, "bs": 1.2, "ap": 91234.56, "as": 0.8,
    "t": 1770000000123, "x": 1, "r": 1770000000140,
}  # fmt: skip
CURRENCY: dict[str, Any] = {
    "ev": "C", "p": "EUR/USD", "x": 48, "a": 1.09185, "b": 1.0918, "t": 1770000000123,
}  # fmt: skip


def provider(url: str = URL, key: str = SECRET) -> Massive:
    return Massive(url, Keys(lambda name: key if name == massive.KEY.env else ""))


def read(
    *messages: Any, arrival: FrameContext = ARRIVAL, upstream: Massive | None = None
) -> list[Event]:
    frame = msgspec.json.encode(list(messages))
    return list((upstream or provider()).parse(frame, arrival))


def status(word: str, message: str = "words") -> dict[str, str]:
    return {"ev": "status", "status": word, "message": message}


def parts(*messages: Any) -> tuple[Trade | None, TopOfBook | None, DayFigures | None]:
    """The trade, book and day figures of the only tick."""
    (tick,) = read(*messages)
    assert isinstance(tick, Tick)
    return tick.trade, tick.book, tick.day


# The key and the source


def test_presents_the_key_that_is_set_now() -> None:
    """Every connection is opened with the present key, and the URL has none."""
    keys = {massive.KEY.env: "first-key"}
    upstream = Massive(URL, Keys(lambda name: keys.get(name, "")))
    before = upstream.opening()
    keys[massive.KEY.env] = "second-key"

    assert ['{"action":"auth","params":"first-key"}'] == before
    assert ['{"action":"auth","params":"second-key"}'] == upstream.opening()
    assert "second-key" == upstream.api_key()
    assert upstream.missing() is None
    assert URL == upstream.url()


def test_names_the_setting_that_is_missing() -> None:
    """Without a key it cannot connect."""
    assert "POLYGON_API_KEY" == provider(key="").missing()
    assert "" == provider(key=" ").api_key()


def test_one_connection_waits_for_its_login() -> None:
    """A key has one connection, and symbols are subscribed after the login."""
    assert 1 == provider().limits.connections
    assert provider().authenticates is True


@pytest.mark.parametrize(
    ("url", "claim"),
    [
        (URL, PriceClass.LIVE),
        ("wss://socket.polygon.io/stocks", PriceClass.LIVE),
        ("wss://delayed.massive.com/stocks", PriceClass.DELAYED),
        ("wss://delayed.polygon.io:443/stocks", PriceClass.DELAYED),
        ("wss://socket.example.com/delayed", PriceClass.LIVE),
    ],
)
def test_claims_what_its_host_delivers(url: str, claim: PriceClass) -> None:
    """The delayed hosts never have a live price."""
    upstream = provider(url)
    (tick,) = read(TRADE, upstream=upstream)

    assert ("massive", claim) == (upstream.source.name, upstream.source.claim)
    assert isinstance(tick, Tick)
    assert upstream.source == tick.source


# Subscriptions


@pytest.mark.parametrize(
    ("url", "name", "params"),
    [
        (URL, "AAPL", "T.AAPL,Q.AAPL,A.AAPL"),
        ("wss://delayed.massive.com/stocks", "AAPL", "T.AAPL,Q.AAPL,A.AAPL"),
        ("wss://business.example.com", "AAPL", "T.AAPL,Q.AAPL,A.AAPL"),
        ("wss://socket.massive.com/crypto", "BTC-USD", "XT.BTC-USD,XQ.BTC-USD"),
        ("ws://127.0.0.1:1/massive/forex/", "EUR/USD", "C.EUR/USD"),
    ],
)
def test_asks_for_the_channels_of_its_cluster(url: str, name: str, params: str) -> None:
    """The URL names the cluster, which decides the channels."""
    upstream = provider(url)

    assert [f'{{"action":"subscribe","params":"{params}"}}'] == upstream.subscribe([name], 1)
    assert [f'{{"action":"unsubscribe","params":"{params}"}}'] == upstream.unsubscribe([name], 2)


def test_asks_for_many_in_several_frames() -> None:
    """Every name is subscribed once, for any number of names."""
    names = [f"A{number}" for number in range(450)]
    frames = provider().subscribe(iter(names), 1)
    asked = [part for frame in frames for part in msgspec.json.decode(frame)["params"].split(",")]

    assert 3 == len(frames)
    assert [f"{channel}.{name}" for name in names for channel in "TQA"] == asked
    assert [] == provider().subscribe([], 1)


# Events


def test_reads_a_trade() -> None:
    """Its number counts the events of one day, so it is no id."""
    trade = Trade(Decimal("231.55"), Decimal(100), None, AT)

    assert (trade, None, None) == parts(TRADE)
    assert (trade, None, None) == parts({key: TRADE[key] for key in TRADE if key != "c"})


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ({"s": 0, "ds": "0.125"}, Decimal("0.125")),
        ({"s": 100, "ds": "100"}, Decimal(100)),
        ({"s": 100, "ds": None}, Decimal(100)),
        ({"s": 100, "ds": ""}, Decimal(100)),
        ({"s": 2.5}, Decimal("2.5")),
    ],
)
def test_the_fractional_size_stands_before_the_whole_one(sizes: Any, size: Decimal) -> None:
    """The text is exact, the number is rounded."""
    (trade, _, _) = parts({**TRADE, **sizes})

    assert trade is not None
    assert size == trade.size


def test_prices_are_exact() -> None:
    """The price is the decimal of the text, never a binary fraction."""
    frame = b'[{"ev":"T","sym":"AAPL","i":"1","p":0.30000000000000004,"s":1,"t":1,"q":1}]'
    (tick,) = provider().parse(frame, ARRIVAL)

    assert isinstance(tick, Tick)
    assert tick.trade is not None
    assert Decimal("0.30000000000000004") == tick.trade.price


def test_reads_a_quote() -> None:
    """It makes a book and no trade."""
    book = TopOfBook(Decimal("231.54"), Decimal("231.56"), Decimal(100), Decimal(160), time=AT)

    assert (None, book, None) == parts(QUOTE)


def test_reads_the_day_in_a_bar() -> None:
    """Open and volume are the day's; the bar's own prices are not used."""
    day = DayFigures(open=Decimal("230.4"), volume=Decimal(9470157), time=AT)

    assert (None, None, day) == parts(BAR)
    assert "9470157.25" == str(parts({**BAR, "dav": "9470157.25"})[2].volume)


@pytest.mark.parametrize("opened", [0, None])
def test_before_the_opening_there_is_no_open(opened: int | None) -> None:
    """The volume before the opening is still used."""
    assert (
        None, None, DayFigures(volume=Decimal(9470157), time=AT)
    ) == parts({**BAR, "op": opened})  # fmt: skip


def test_a_bar_without_the_day_makes_no_event() -> None:
    """A bar without figures of the day makes no tick."""
    assert [] == read({key: BAR[key] for key in BAR if key not in ("op", "av")})


def test_reads_coins() -> None:
    """The other cluster has the same values in other fields."""
    trade = Trade(Decimal("91234.56"), Decimal("0.0015"), None, AT)
    book = TopOfBook(
        Decimal("91234.55"), Decimal("91234.56"), Decimal("1.2"), Decimal("0.8"), time=AT
    )

    assert (trade, None, None) == parts(COIN)
    assert (None, book, None) == parts(COIN_QUOTE)


def test_reads_currencies() -> None:
    """A pair of currencies has best prices and no sizes."""
    book = TopOfBook(Decimal("1.0918"), Decimal("1.09185"), time=AT)

    assert (None, book, None) == parts(CURRENCY)


@pytest.mark.parametrize("followed", ["EUR/USD", "EUR-USD"])
@pytest.mark.parametrize("name", ["EUR/USD", "EUR-USD"])
def test_pairs_come_with_a_dash_or_a_slash(followed: str, name: str) -> None:
    """Both spellings are mapped to our symbol, however it was subscribed."""
    arrival = FrameContext(START, 3, {followed: "EURUSD"})
    (tick,) = read({**CURRENCY, "p": name}, arrival=arrival)

    assert isinstance(tick, Tick)
    assert "EURUSD" == tick.symbol


def test_splits_a_frame() -> None:
    """Symbols and kinds are mixed in one frame, and unfollowed symbols are ignored."""
    stranger = {**TRADE, "sym": "MSFT"}
    events = read(status("success"), TRADE, stranger, COIN, QUOTE, BAR, CURRENCY)

    assert [Acknowledged(None)] == events[:1]
    assert ["AAPL", "BTC", "AAPL", "AAPL", "EURUSD"] == [event.symbol for event in events[1:]]
    assert {("massive", 3, START)} == {
        (event.source.name, event.connection, event.received_at) for event in events[1:]
    }


def test_a_bad_event_costs_only_itself() -> None:
    """The rest of the frame is read, and only the first problem is reported."""
    events = read(TRADE, {**TRADE, "p": None}, "T", {**QUOTE, "bp": "x"}, QUOTE)

    assert [Tick, Tick, Unreadable] == [type(event) for event in events]


@pytest.mark.parametrize(
    "message",
    [
        {"ev": "AM", "sym": "AAPL", "av": 1, "op": 2.5, "o": 1, "c": 1, "h": 1, "l": 1, "e": 2},
        {"ev": "LULD", "T": "AAPL", "h": 240.1, "l": 220.1, "i": [17], "z": 3, "t": 1, "q": 2},
        {"ev": "NOI", "T": "AAPL", "t": 1, "at": 930, "a": "O", "i": 4, "x": 10, "o": 1, "p": 2},
        {"ev": "V", "val": 3988.5, "T": "I:SPX", "t": 1770000000123},
        {"ev": "FMV", "fmv": 231.5, "sym": "AAPL", "t": 1770000000123000000},
        {"ev": "XA", "pair": "BTC-USD", "o": 1, "c": 1, "h": 1, "l": 1, "v": 1, "s": 1, "e": 2},
        {"ev": "XAS", "pair": "BTC-USD", "o": 1, "c": 1, "h": 1, "l": 1, "v": 1, "s": 1, "e": 2},
        {"ev": "CA", "pair": "EUR/USD", "o": 1, "c": 1, "h": 1, "l": 1, "v": 1, "s": 1, "e": 2},
        {"ev": "CAS", "pair": "EUR/USD", "o": 1, "c": 1, "h": 1, "l": 1, "v": 1, "s": 1, "e": 2},
    ],
)
def test_passes_over_what_is_no_last_price(message: Any) -> None:
    """Longer bars, limits, imbalances, indices and estimates are known and ignored."""
    assert [] == read(message)


@pytest.mark.parametrize(
    "message",
    [
        {**TRADE, "ev": "ZZ"},
        {**TRADE, "ev": ["T"]},
        {**TRADE, "ev": None},
        {**TRADE, "sym": {"AAPL": 1}},
        {**TRADE, "sym": ["AAPL"]},
        {**TRADE, "p": {"x": 1}},
        {**TRADE, "p": True},
        {**TRADE, "p": "NaN"},
        {**TRADE, "s": []},
        {**TRADE, "ds": "1e400"},
        {**TRADE, "t": "1770000000123"},
        {**TRADE, "t": 1770000000123.5},
        {**TRADE, "t": 10**17},
        {**TRADE, "t": None},
        {**QUOTE, "ap": None},
        {**BAR, "av": "many"},
        {**BAR, "e": None},
        {**COIN, "pair": 7},
        {**CURRENCY, "p": 1.09},
        status("something_new"),
        {**status("success"), "status": 1},
        {**status("success"), "message": {"a": 1}},
        {"status": "success"},
        [],
        None,
    ],
)
def test_anything_else_is_unreadable(message: Any) -> None:
    """A field of a wrong type makes no tick."""
    (event,) = read(message)

    assert isinstance(event, Unreadable)


@pytest.mark.parametrize("frame", ["", "{}", "null", '"T"', "[", b"\xff", '{"ev":"T"}'])
def test_a_frame_is_an_array(frame: str | bytes) -> None:
    """Other JSON is unreadable."""
    (event,) = provider().parse(frame, ARRIVAL)

    assert isinstance(event, Unreadable)


# Statuses


@pytest.mark.parametrize(
    ("word", "events"),
    [
        ("connected", []),
        ("auth_success", [Authenticated()]),
        ("success", [Acknowledged(None)]),
        ("error", [RequestRejected(0, "words")]),
        ("not_authorized", [RequestRejected(0, "words")]),
        ("NOT_AUTHORIZED", [RequestRejected(0, "words")]),
        ("auth_failed", [AccessDenied(401, "words")]),
        ("max_connections", [AccessDenied(429, "words")]),
        ("slow_consumer", [AccessDenied(503, "words")]),
        ("force_disconnect", [AccessDenied(503, "words")]),
        ("auth_timeout", [AccessDenied(503, "words")]),
    ],
)
def test_understands_a_status(word: str, events: list[Event]) -> None:
    """Each status is mapped to its event."""
    assert events == read(status(word))


def test_a_status_without_a_message_is_its_own_message() -> None:
    """The refusal always has a text."""
    assert [AccessDenied(429, "max_connections")] == read(
        {"ev": "status", "status": "max_connections"}
    )


def test_a_refusal_may_come_after_success() -> None:
    """Over the limit every request is accepted first, and then access is denied."""
    events = read(
        status("auth_success"), status("success"), status("success"), status("max_connections")
    )

    assert [
        Authenticated(),
        Acknowledged(None),
        Acknowledged(None),
        AccessDenied(429, "words"),
    ] == events


def test_the_key_is_in_no_event() -> None:
    """Whichever field repeats the key, and wherever a long text is cut."""
    upstream = provider()
    upstream.opening()
    messages = [TRADE, QUOTE, BAR, COIN, COIN_QUOTE, CURRENCY]
    words = ("auth_failed", "max_connections", "error", "success", "auth_success", "news")
    messages += [status(word, f"{SECRET} {'x' * padding}{SECRET}")
                 for word in words for padding in (0, 150, 165, 175)]  # fmt: skip
    echoes = [{**message, field: f"a {SECRET}"} for message in messages for field in message]
    events = [
        event for message in (*messages, *echoes) for event in read(message, upstream=upstream)
    ]  # fmt: skip

    assert {Tick, Unreadable, AccessDenied, RequestRejected} <= {type(event) for event in events}
    assert [] == [event for event in events if SECRET[:8] in repr(event)]


# Documented frames


@pytest.mark.parametrize(
    ("conditions", "updates"),
    [
        ([14, 41], EVERYTHING),
        ([14, 37, 41], VOLUME_ONLY),
        ([2], VOLUME_ONLY),
        ([10], NOT_LAST),
        ([22], NOT_LAST),
        ([32], NOT_LAST),
        ([], EVERYTHING),
        (None, EVERYTHING),
    ],
)
def test_conditions_decide_what_a_trade_sets(
    conditions: list[int] | None, updates: TradeUpdates
) -> None:
    """Odd lots, average prices, late reports and derived prices do not set the last price."""
    trade, _, _ = parts({**TRADE, "c": conditions})

    assert trade is not None
    assert updates == trade.updates


def test_the_condition_of_a_coin_is_its_side() -> None:
    """2 is a buyer there, and an average price for shares."""
    trade, _, _ = parts(COIN)

    assert trade is not None
    assert EVERYTHING == trade.updates


def test_an_unknown_condition_is_told() -> None:
    """The trade is read, and does not set the last price."""
    event, unknown = read({**TRADE, "c": [14, 999]})

    assert isinstance(event, Tick)
    assert event.trade is not None
    assert VOLUME_ONLY == event.trade.updates
    assert UnknownCondition("999") == unknown


def test_reads_the_documented_frames(market_data: Path) -> None:
    """Every published frame is readable, and every trade makes a tick."""
    lines = (market_data / "massive" / "ws_sample_frames.jsonl").read_bytes().splitlines()
    events = [event for line in lines for event in provider().parse(line, ARRIVAL)]
    ticks = [event for event in events if isinstance(event, Tick)]

    assert 5 == len(lines)
    assert {"Authenticated": 1, "Acknowledged": 1, "Tick": 3} == Counter(
        type(event).__name__ for event in events
    )
    assert [
        Trade(
            Decimal("161.87"),
            Decimal(size),
            None,
            datetime(2022, 5, 4, 17, 9, 52, at, UTC),
            updates,
        )
        for size, at, updates in (
            (300, 462_000, EVERYTHING),
            (1, 536_000, VOLUME_ONLY),
            (100, 717_000, EVERYTHING),
        )
    ] == [tick.trade for tick in ticks]
    assert {massive.STREAM.source} == {tick.source for tick in ticks}
