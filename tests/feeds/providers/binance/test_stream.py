"""Long for a reason: there is a test for every kind of frame that Binance sends."""

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omcrm.feeds.provider import (
    Acknowledged,
    ClosingSoon,
    Event,
    FrameContext,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers import binance
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import Validator
from tests.feeds.providers.binance.samples import BINANCE, combined
from tests.feeds.samples import text
from tests.values import START

URL = "wss://data-stream.binance.vision"
ARRIVAL = FrameContext(START, 3, {"btcusdt": "BTC", "ethusdt": "ETH"})
TRADED_AT = datetime(2026, 2, 2, 2, 40, 0, 122_000, tzinfo=UTC)
EVENT_AT = datetime(2026, 2, 2, 2, 40, 0, 123_000, tzinfo=UTC)
TRADE = Trade(Decimal("91234.56"), Decimal("0.0015"), 5000000001, TRADED_AT)
BOOK = TopOfBook(
    Decimal("91234.55"), Decimal("91234.56"), Decimal("1.2"), Decimal("0.8"), 90000000001
)
DAY = DayFigures(
    Decimal("91355.06"),
    Decimal("92000"),
    Decimal("89000"),
    Decimal("12345.678"),
    Decimal("-0.132"),
    EVENT_AT,
    TRADE.price,
)


def provider(*streams: str) -> Binance:
    return Binance(URL, streams or ("trade", "bookTicker", "ticker"))


def read(frame: str | bytes, *streams: str) -> list[Event]:
    return list(provider(*streams).parse(frame, ARRIVAL))


def parts(events: Iterable[Event]) -> tuple[Trade | None, TopOfBook | None, DayFigures | None]:
    """The trade, book and day figures of the only tick."""
    (tick,) = events
    assert isinstance(tick, Tick)
    return tick.trade, tick.book, tick.day


def altered(name: str, **fields: Any) -> dict[str, Any]:
    return {**BINANCE[name], **fields}


# Subscriptions


@pytest.mark.parametrize(
    "base",
    [
        "wss://stream.binance.com:9443",
        "wss://stream.binance.com:9443/",
        "wss://stream.binance.com:9443/ws",
        "wss://stream.binance.com:9443/ws/",
        "wss://stream.binance.com:9443/stream",
        "wss://stream.binance.com:9443/stream/",
    ],
)
def test_connects_to_the_combined_stream(base: str) -> None:
    """Whichever of Binance's addresses is set, the combined stream is opened."""
    assert "wss://stream.binance.com:9443/stream" == Binance(base, ("trade",)).url()


def test_subscribes_by_lower_case_names_and_streams() -> None:
    """One frame subscribes to every stream of every symbol, with the given request number."""
    (frame,) = provider("trade", "bookTicker").subscribe(["btcusdt", "ethusdt"], 7)

    assert {
        "method": "SUBSCRIBE",
        "params": [
            "btcusdt@trade",
            "btcusdt@bookTicker",
            "ethusdt@trade",
            "ethusdt@bookTicker",
        ],
        "id": 7,
    } == msgspec.json.decode(frame)


def test_unsubscribes_alike() -> None:
    """Unsubscribing uses the same names."""
    (frame,) = provider("trade").unsubscribe(["btcusdt"], 8)

    assert {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 8} == msgspec.json.decode(
        frame
    )


def test_many_symbols_are_asked_for_in_frames_of_two_hundred() -> None:
    """No frame exceeds Binance's limit, every number is unique, and no symbol is left out."""
    names = [f"coin{number}" for number in range(300)]
    frames = [msgspec.json.decode(payload) for payload in provider().subscribe(names, 5)]
    asked = [stream for frame in frames for stream in frame["params"]]

    assert [200, 200, 200, 200, 100] == [len(frame["params"]) for frame in frames]
    assert [5, 6, 7, 8, 9] == [frame["id"] for frame in frames]
    assert [
        f"{name}@{stream}" for name in names for stream in ("trade", "bookTicker", "ticker")
    ] == asked


def test_nothing_wanted_is_nothing_asked() -> None:
    """Without symbols there is no frame."""
    assert [] == provider().subscribe([], 1)


@pytest.mark.parametrize("count", range(1, len(binance.STREAMS.options) + 1))
def test_keeps_within_the_limits_of_one_connection(count: int) -> None:
    """A connection has 1024 streams, five frames a second, and 24 hours."""
    limits = provider(*binance.STREAMS.options[:count]).limits

    assert limits.symbols * count <= 1024
    assert limits.frame_spacing >= 0.25
    assert 22 * 3600 < limits.replace_after < 24 * 3600


def test_is_live() -> None:
    """Binance streams in real time."""
    assert ("binance", PriceClass.LIVE) == (binance.STREAM.source.name, binance.STREAM.source.claim)
    assert binance.STREAM.source is provider().source


# Events that concern prices


def test_trade() -> None:
    """A trade brings price, size, number and time."""
    assert (TRADE, None, None) == parts(read(text(BINANCE["trade"])))


def test_agg_trade_has_the_number_of_its_last_trade() -> None:
    """An aggregate is numbered like the trades it is made of, so that both can be compared."""
    assert (TRADE, None, None) == parts(read(text(BINANCE["aggTrade"])))


def test_book_ticker_is_known_by_its_keys() -> None:
    """The best bid and ask come without a kind and without a time."""
    assert "e" not in BINANCE["bookTicker"]
    assert (None, BOOK, None) == parts(read(text(BINANCE["bookTicker"])))


def test_ticker_brings_day_and_last_trade() -> None:
    """It brings the figures of 24 hours and the last trade; the book has its own stream."""
    last = Trade(TRADE.price, TRADE.size, 5000000001, EVENT_AT)

    assert (last, None, DAY) == parts(read(text(BINANCE["ticker"])))


def test_ticker_brings_the_book_where_no_other_stream_does() -> None:
    """Without the book's own stream the ticker's book is used, which has no number."""
    book = msgspec.structs.replace(BOOK, id=None)

    assert book == parts(read(text(BINANCE["ticker"]), "trade", "ticker"))[1]


def test_ticker_of_a_quiet_market_makes_nothing_up() -> None:
    """Without trades or quotes, zeros are no prices."""
    zeros = dict.fromkeys("cQbBaAohlvqpPwx", "0.00000000")
    quiet = altered("ticker", **zeros, F=-1, L=-1, n=0)

    assert [] == read(text(quiet), "ticker")


def test_mini_ticker_brings_the_day_with_its_change() -> None:
    """The change in percent is computed from the figures."""
    day = msgspec.structs.replace(DAY, change_percent=Decimal("-0.132"))

    assert (None, None, day) == parts(read(text(BINANCE["miniTicker"])))


def test_mini_ticker_is_the_last_price_where_no_other_stream_is() -> None:
    """Alone it brings the price too, without a number or a size."""
    last = Trade(TRADE.price, time=EVENT_AT)

    assert last == parts(read(text(BINANCE["miniTicker"]), "miniTicker"))[0]


@pytest.mark.parametrize("kind", ["1hTicker", "4hTicker", "1dTicker"])
def test_window_tickers_bring_the_last_trade_only(kind: str) -> None:
    """Figures of another window than 24 hours are not used."""
    last = Trade(TRADE.price, None, 5000000001, EVENT_AT)

    assert (last, None, None) == parts(read(text(altered("ticker_1h", e=kind))))


def test_kline_brings_its_last_trade() -> None:
    """A candle's close is its last trade."""
    at = datetime(2026, 2, 2, 2, 40, 1, 500_000, tzinfo=UTC)
    last = Trade(TRADE.price, None, 5000000042, at)

    assert (last, None, None) == parts(read(text(BINANCE["kline_1m"])))


def test_kline_without_trades_is_no_trade() -> None:
    """An empty candle repeats the previous close and makes no event."""
    empty = {**BINANCE["kline_1m"]["k"], "f": -1, "L": -1, "n": 0}

    assert [] == read(text(altered("kline_1m", k=empty)))


def test_partial_book_gets_its_symbol_from_the_stream() -> None:
    """A partial book has no symbol; the combined stream's name has it."""
    assert (None, BOOK, None) == parts(read(combined("depth5", BINANCE["depth5"])))
    assert (None, BOOK, None) == parts(read(combined("depth20@100ms", BINANCE["depth5"])))
    assert [] == read(text(BINANCE["depth5"]))


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_partial_book_with_an_empty_side_is_no_book(side: str) -> None:
    """A book with an empty side has no best prices."""
    assert [] == read(combined("depth5", altered("depth5", **{side: []})))


@pytest.mark.parametrize("name", ["depth", "avgPrice", "referencePrice", "blockTrade"])
def test_events_that_are_no_price_are_passed_over(name: str) -> None:
    """They are known, and make neither a tick nor an error."""
    assert [] == read(text(BINANCE[name]))


# Wrapping


@pytest.mark.parametrize("name", [name for name in BINANCE if name != "depth5"])
def test_raw_and_combined_are_the_same(name: str) -> None:
    """An event makes the same events bare and wrapped."""
    assert read(text(BINANCE[name])) == read(combined(name, BINANCE[name]))


def test_arrays_are_read_one_by_one() -> None:
    """An array makes a tick for each followed symbol."""
    array = [altered("miniTicker", s=symbol) for symbol in ("BTCUSDT", "POLUSDT", "ETHUSDT")]

    for frame in (text(array), text({"stream": "!miniTicker@arr", "data": array})):
        assert ["BTC", "ETH"] == [tick.symbol for tick in read(frame)]


def test_an_empty_array_makes_no_event() -> None:
    """An array without entries is no error."""
    assert [] == read("[]")


def test_symbols_of_any_script_are_passed_over() -> None:
    """Binance lists symbols that are not ASCII; they are ignored."""
    assert [] == read(text([altered("miniTicker", s="币安人生USDT")]))


def test_microseconds_are_distinguished_from_milliseconds() -> None:
    """The same time is read in either unit, with all digits."""
    micro = altered("trade", E=1770000000123456, T=1770000000122789)

    assert TRADED_AT + timedelta(microseconds=789) == parts(read(text(micro)))[0].time
    assert TRADED_AT == parts(read(text(BINANCE["trade"])))[0].time


# Control messages


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        ('{"result":null,"id":7}', 7),
        ('{"result":null,"id":"a1"}', "a1"),
        ('{"result":null,"id":null}', None),
        ('{"result":["btcusdt@trade"],"id":8}', 8),
        ('{"result":true,"id":10}', 10),
    ],
)
def test_answers_are_acknowledged(frame: str, number: int | str | None) -> None:
    """An answer to a request has its id, and is never wrapped."""
    assert [Acknowledged(number)] == read(frame)


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        ('{"code":0,"msg":"Unknown property","id":9}', RequestRejected(0, "Unknown property")),
        (
            '{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}',
            RequestRejected(3, "Invalid JSON: expected value at line 1 column 1"),
        ),
        (
            '{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":1}',
            RequestRejected(2, "Invalid request: too many parameters"),
        ),
        ('{"error":{},"id":1}', RequestRejected(0, "")),
    ],
)
def test_both_shapes_of_refusal_are_read(frame: str, refusal: RequestRejected) -> None:
    """A refusal has its code and its text, bare or under `error`."""
    assert [refusal] == read(frame)


def test_a_long_refusal_is_cut() -> None:
    """The text for logs and status has a bound."""
    (refusal,) = read(text({"code": 2, "msg": "x" * 10_000}))

    assert 200 == len(refusal.message)


@pytest.mark.parametrize(
    "frame",
    [
        '{"e":"serverShutdown","E":1770000000000}',
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770000000000}}',
    ],
)
def test_a_shutdown_is_announced(frame: str) -> None:
    """Bare or wrapped, it makes a `ClosingSoon`."""
    assert [ClosingSoon()] == read(frame)


# Invalid frames


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "pong",
        "null",
        "1",
        '"trade"',
        "{}",
        '{"hello":"world"}',
        '{"e":"unheardOf","s":"BTCUSDT"}',
        '{"e":["trade"],"s":"BTCUSDT"}',
        '{"stream":"btcusdt@trade"}',
        '{"stream":"btcusdt@trade","data":7}',
        "[7]",
        "<html>403 Forbidden</html>",
        b"\xff\xfe",
        text(altered("trade", p=91234.56)),
        text(altered("trade", p="NaN")),
        text(altered("trade", t="5000000001")),
        text(altered("trade", t=True)),
        text(altered("trade", T=1770000000122000000)),
        text(altered("trade", s=None)),
        text({key: value for key, value in BINANCE["trade"].items() if key != "p"}),
        text(altered("bookTicker", u=None)),
        text(altered("kline_1m", k=[])),
        combined("depth5", altered("depth5", bids=[["1"]])),
        combined("depth5", altered("depth5", bids={"0": ["1", "2"]})),
    ],
)
def test_is_unreadable(frame: str | bytes) -> None:
    """A frame that Binance does not send is unreadable, with a problem."""
    (event,) = read(frame)

    assert isinstance(event, Unreadable)
    assert 0 < len(event.problem) <= 200


# Recordings


def lines_of(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        for line in file:
            yield line.partition(b" ")[2]


def count_kinds(events: Iterable[Event]) -> Counter[str]:
    """The number of events of each kind; ticks by their fields."""
    counts: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Tick):
            counts.update(field for field in ("trade", "book", "day") if getattr(event, field))
        else:
            counts[type(event).__name__] += 1
    return counts


@pytest.mark.parametrize(
    ("pair", "counts"),
    [
        ("btcusdt", {"trade": 9757, "book": 28040}),
        ("ethusdt", {"trade": 6106, "book": 24077}),
    ],
)
def test_recording_of_2024_is_read_completely(
    market_data: Path, pair: str, counts: dict[str, int]
) -> None:
    """Every trade and every book of six minutes becomes a tick, and nothing is unreadable."""
    path = market_data / "binance" / "spot-2024-08-08" / f"spot_{pair}_20240808.gz"
    client = provider()

    assert counts == count_kinds(
        event for line in lines_of(path) for event in client.parse(line, ARRIVAL)
    )


def test_the_gate_accepts_the_whole_recording(market_data: Path) -> None:
    """No tick of a real market is rejected, and the quote ends with the recording's last events."""
    path = market_data / "binance" / "spot-2024-08-08" / "spot_ethusdt_20240808.gz"
    (policy, *_) = POLICIES.values()
    client, validator = provider(), Validator()
    held: SourceQuote | None = None
    for line in lines_of(path):
        for event in client.parse(line, ARRIVAL):
            accepted = validator.validate(event, held, (), policy)
            held = SourceQuote.merge(accepted, held)

    assert 0 == validator.rejected.total()
    last = last_events(path)
    assert last["trade"]["t"] == held.trade.id
    assert Decimal(last["trade"]["p"]) == held.trade.price
    assert (Decimal(last["bookTicker"]["b"]), Decimal(last["bookTicker"]["a"])) == (
        held.book.bid,
        held.book.ask,
    )


def last_events(path: Path) -> dict[str, Any]:
    """The last event of each stream, read without the provider."""
    last: dict[str, Any] = {}
    for line in lines_of(path):
        message = msgspec.json.decode(line)
        if "stream" in message:
            last[message["stream"].partition("@")[2]] = message["data"]
    return last


def test_recording_of_2021_is_read_completely(market_data: Path) -> None:
    """Candles, aggregates and books of small pairs are read too."""
    lines = (market_data / "binance" / "spot-2021" / "BINANCE.ws.1.0").read_text().splitlines()
    # Received lines begin with their time.
    frames = [line.partition(": ")[2] for line in lines if line[:1].isdigit()]
    names = {name: name for name in ("nknusdt", "blzeth", "lrcbtc", "runeeur")}
    arrival = FrameContext(START, 1, names)
    events = [event for frame in frames for event in provider().parse(frame, arrival)]

    assert 265 == len(frames)
    assert {"trade": 4, "book": 84} == count_kinds(events)
