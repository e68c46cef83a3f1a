"""Long for a reason: there is a test for every kind of frame that Kraken sends."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from websocket import create_connection

from omcrm.feeds.provider import Acknowledged, Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers import kraken
from omcrm.feeds.providers.kraken.stream import Kraken
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import Validator
from omcrm.settings import load
from tests.feeds.providers.kraken.samples import KRAKEN
from tests.feeds.samples import text
from tests.processes import PATIENCE, Exchange
from tests.values import START

URL = "wss://ws.kraken.com/v2"
PROVIDER = Kraken(URL)
ARRIVAL = FrameContext(START, 3, {"BTC/USD": "BTC", "ETH/USD": "ETH"})
TICKER: dict[str, Any] = KRAKEN[2]["data"][0]
TRADE: dict[str, Any] = KRAKEN[0]["data"][0]
TRADED_AT = datetime(2026, 1, 5, 14, 30, 0, 253563, tzinfo=UTC)


def read(frame: str | bytes) -> list[Event]:
    return list(PROVIDER.parse(frame, ARRIVAL))


def ticker(**fields: Any) -> str:
    """A ticker with these fields; without those that are `...`."""
    entry = {key: value for key, value in {**TICKER, **fields}.items() if value is not ...}
    return text({"channel": "ticker", "type": "update", "data": [entry]})


def trades(*changes: dict[str, Any], kind: str = "update") -> str:
    data = [{**TRADE, **change} for change in changes]
    return text({"channel": "trade", "type": kind, "data": data})


def only(events: Iterable[Event]) -> Tick:
    """The one tick there must be."""
    (tick,) = events
    assert isinstance(tick, Tick)
    return tick


# Subscriptions


def test_connects_to_the_address_of_the_setting() -> None:
    """The address is that of the setting, with its version."""
    assert URL == PROVIDER.url()
    assert URL == load({}).feeds.urls["kraken"]
    assert (
        "ws://127.0.0.1:9/kraken/v2"
        == (load({"KRAKEN_WS_URL": "ws://127.0.0.1:9/kraken/v2"}).feeds.urls["kraken"])
    )


def test_is_live_and_keyless() -> None:
    """Kraken streams in real time without a key."""
    assert ("kraken", PriceClass.LIVE) == (kraken.STREAM.source.name, kraken.STREAM.source.claim)
    assert kraken.STREAM.source is PROVIDER.source
    assert (None, "", False, []) == (
        PROVIDER.missing(),
        PROVIDER.api_key(),
        PROVIDER.authenticates,
        PROVIDER.opening(),
    )


def test_subscribes_to_trades_and_to_every_change_of_the_book() -> None:
    """The trades are subscribed first, then a ticker that is sent with every change of the book."""
    frames = [msgspec.json.decode(frame) for frame in PROVIDER.subscribe(["BTC/USD", "ETH/USD"], 7)]

    pairs = ["BTC/USD", "ETH/USD"]
    assert [
        {
            "method": "subscribe",
            "params": {"channel": "trade", "snapshot": True, "symbol": pairs},
            "req_id": 7,
        },
        {
            "method": "subscribe",
            "params": {
                "channel": "ticker",
                "event_trigger": "bbo",
                "snapshot": True,
                "symbol": pairs,
            },
            "req_id": 8,
        },
    ] == frames


def test_trades_of_currencies_are_not_subscribed() -> None:
    """They are rare, and not the price."""
    pairs = ["BTC/EUR", "EUR/USD", "USD/JPY"]
    frames = [msgspec.json.decode(frame)["params"] for frame in PROVIDER.subscribe(pairs, 7)]

    assert [("trade", ["BTC/EUR"]), ("ticker", pairs)] == [
        (params["channel"], params["symbol"]) for params in frames
    ]
    assert 1 == len(PROVIDER.unsubscribe(["EUR/USD"], 8))


def test_unsubscribes_from_both() -> None:
    """Unsubscribing uses the same names."""
    frames = [msgspec.json.decode(frame) for frame in PROVIDER.unsubscribe(["BTC/USD"], 3)]

    assert [
        {
            "method": "unsubscribe",
            "params": {"channel": "trade", "symbol": ["BTC/USD"]},
            "req_id": 3,
        },
        {
            "method": "unsubscribe",
            "params": {"channel": "ticker", "event_trigger": "bbo", "symbol": ["BTC/USD"]},
            "req_id": 4,
        },
    ] == frames


def test_many_pairs_are_asked_for_in_several_frames() -> None:
    """Every frame has a bound, every number is unique, and no pair is left out."""
    names = [f"C{number}/USD" for number in range(250)]
    frames = [msgspec.json.decode(frame) for frame in PROVIDER.subscribe(iter(names), 5)]

    assert [100, 100, 50, 100, 100, 50] == [len(frame["params"]["symbol"]) for frame in frames]
    assert [5, 6, 7, 8, 9, 10] == [frame["req_id"] for frame in frames]
    for channel in ("trade", "ticker"):
        asked = [frame["params"] for frame in frames if frame["params"]["channel"] == channel]
        assert names == [name for params in asked for name in params["symbol"]]


def test_nothing_wanted_is_nothing_asked() -> None:
    """Without pairs there is no frame."""
    assert [] == PROVIDER.subscribe([], 1) == PROVIDER.unsubscribe([], 1)


# Trades


def test_trade() -> None:
    """A trade brings price, size, number and time, and nothing else."""
    tick = only(read(trades({})))

    trade = Trade(Decimal("91234.56"), Decimal("0.0015"), 82062566, TRADED_AT)
    assert (trade, None, None) == (tick.trade, tick.book, tick.day)
    assert ("BTC", kraken.STREAM.source, 3, START) == (
        tick.symbol,
        tick.source,
        tick.connection,
        tick.received_at,
    )


def test_a_frame_has_several_trades() -> None:
    """Each trade makes a tick, the oldest first; those of other pairs are ignored."""
    frame = trades(
        {"trade_id": 3, "price": 3.5},
        {"trade_id": 1, "price": 1},
        {"trade_id": 2, "symbol": "SOL/USD", "price": 2},
        {"trade_id": 2, "symbol": "ETH/USD", "price": 2.25},
    )

    assert [("BTC", 1, "1"), ("ETH", 2, "2.25"), ("BTC", 3, "3.5")] == [
        (tick.symbol, tick.trade.id, str(tick.trade.price)) for tick in read(frame)
    ]


def test_of_a_snapshot_only_the_newest_trade_makes_a_tick() -> None:
    """One tick for each pair, whatever the order of the trades."""
    several = ({"trade_id": 2}, {"trade_id": 9}, {"trade_id": 4, "symbol": "ETH/USD"})
    frame = trades(*several, {"trade_id": 3}, kind="snapshot")

    assert [("BTC", 9), ("ETH", 4)] == sorted((tick.symbol, tick.trade.id) for tick in read(frame))


def test_an_empty_snapshot_makes_no_event() -> None:
    """A pair may never have traded."""
    assert [] == read(trades(kind="snapshot"))


@pytest.mark.parametrize(
    ("number", "price"),
    [
        ("0.1", "0.1"),
        ("91234.56", "91234.56"),
        ("91234.123456789012345678", "91234.123456789012345678"),
        ("0.00001234", "0.00001234"),
        ("1.2e-05", "0.000012"),
        ("1e-8", "0.00000001"),
        ("91234", "91234"),
        ("9007199254740993", "9007199254740993"),
        ("91234.50", "91234.5"),
    ],
)
def test_numbers_are_exact(number: str, price: str) -> None:
    """The decimal of the frame is kept, which no binary fraction could represent."""
    frame = trades({}).replace("91234.56", number).replace("0.0015", number)
    trade = only(read(frame)).trade

    assert (Decimal(price), Decimal(price)) == (trade.price, trade.size)


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [
        ("2026-01-05T14:30:00.253563Z", TRADED_AT),
        ("2026-01-05T14:30:00Z", TRADED_AT.replace(microsecond=0)),
        ("2026-01-05T14:30:00.253563789Z", TRADED_AT),
        ("2026-01-05T15:30:00.253563+01:00", TRADED_AT),
    ],
)
def test_times_have_any_number_of_digits(timestamp: str, time: datetime) -> None:
    """A time is RFC 3339, and is converted to UTC."""
    assert time == only(read(trades({"timestamp": timestamp}))).trade.time


# Tickers


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_ticker_brings_book_and_day(kind: str) -> None:
    """It makes a book without a number, day figures with the open, and no trade."""
    tick = only(read(text({"channel": "ticker", "type": kind, "data": [TICKER]})))

    assert tick.trade is None
    assert tick.book == TopOfBook(
        Decimal("91234.5"), Decimal("91234.6"), Decimal("0.5"), Decimal("1.2")
    )
    assert tick.day == DayFigures(
        Decimal("91504.5"),
        Decimal("92000"),
        Decimal("89000"),
        Decimal("2158.3"),
        Decimal("-0.3"),
        last=Decimal("91234.56"),
    )


def test_a_ticker_may_have_a_time() -> None:
    """Only some versions of the channel have the time of the figures."""
    tick = only(read(ticker(timestamp="2026-01-05T14:30:00.253563Z")))

    assert TRADED_AT == tick.day.time


@pytest.mark.parametrize(
    ("fields", "opened"),
    [
        ({"last": 0.3, "change": 0.1}, "0.2"),
        ({"last": 0.3, "change": -0.1}, "0.4"),
        ({"last": 100, "change": 0}, "100"),
        ({"last": 100, "change": 100}, None),
        ({"last": 100, "change": 101}, None),
        ({"last": 0, "change": 0}, None),
        ({"last": None}, None),
        ({"change": None}, None),
        ({"last": ...}, None),
        ({"change": ...}, None),
    ],
)
def test_the_day_began_at_the_last_price_less_the_change(
    fields: dict[str, Any], opened: str | None
) -> None:
    """Exactly, and only where both are present and the result is a price."""
    day = only(read(ticker(**fields))).day

    assert (None if opened is None else Decimal(opened)) == day.open
    assert Decimal("92000") == day.high


@pytest.mark.parametrize("field", ["bid", "ask"])
@pytest.mark.parametrize("value", [0, 0.0, None, ...])
def test_one_side_is_no_book(field: str, value: Any) -> None:
    """A book with one side is left out; the day figures are still used."""
    tick = only(read(ticker(**{field: value})))

    assert tick.book is None
    assert tick.day is not None


def test_a_ticker_without_figures_is_a_book() -> None:
    """Missing figures are not invented."""
    day = ("last", "volume", "low", "high", "change", "change_pct")
    tick = only(read(ticker(**dict.fromkeys(day, ...))))

    assert tick.day is None
    assert Decimal("91234.5") == tick.book.bid


def test_a_ticker_of_nothing_is_no_tick() -> None:
    """An empty ticker makes no event."""
    assert [] == read(ticker(**dict.fromkeys(list(TICKER)[1:], ...)))


def test_a_ticker_never_takes_the_place_of_a_trade() -> None:
    """The real trade keeps its price, number and time, whatever `last` is."""
    policy, validator, held = POLICIES[AssetClass.CRYPTO], Validator(), None
    for frame in (ticker(), trades({}), ticker(last=91000.0)):
        accepted = validator.validate(only(read(frame)), held, (), policy)
        assert accepted is not None
        held = SourceQuote.merge(accepted, held)

    assert isinstance(held, SourceQuote)
    assert Trade(Decimal("91234.56"), Decimal("0.0015"), 82062566, TRADED_AT) == held.trade
    assert Decimal("91269.94") == held.day.open


# Answers


def test_every_pair_is_acknowledged() -> None:
    """Each pair has an answer, all with the number of the same request."""
    frames = [
        {
            "method": "subscribe",
            "result": {"channel": "trade", "symbol": pair, "snapshot": True},
            "success": True,
            "req_id": 7,
        }
        for pair in ("BTC/USD", "ETH/USD")
    ]

    assert [[Acknowledged(7)], [Acknowledged(7)]] == [read(text(frame)) for frame in frames]


def test_an_answer_may_have_no_number() -> None:
    """A request without a number gets an answer without one."""
    assert [Acknowledged(None)] == read('{"method":"unsubscribe","result":{},"success":true}')


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (
            '{"error":"Currency pair not supported XXX/USD","success":false,"symbol":"XXX/USD"}',
            "Currency pair not supported XXX/USD",
        ),
        (
            '{"error":"Already subscribed","method":"subscribe","success":false}',
            "Already subscribed",
        ),
        ('{"error":"Malformed request","success":false}', "Malformed request"),
        ('{"error":"Exceeded msg rate"}', "Exceeded msg rate"),
        ('{"method":"subscribe","success":false}', ""),
    ],
)
def test_refusals_are_read(frame: str, words: str) -> None:
    """A refusal has Kraken's text, and code 0 because Kraken has none."""
    assert [RequestRejected(0, words)] == read(frame)


def test_a_long_refusal_is_cut() -> None:
    """The text for logs and status has a bound."""
    (refusal,) = read(text({"error": "x" * 10_000, "success": False}))

    assert 200 == len(refusal.message)


@pytest.mark.parametrize(
    "frame",
    [
        '{"channel":"heartbeat"}',
        '{"channel":"status","type":"update","data":[{"system":"online"}]}',
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD"}]}',
        '{"method":"pong","req_id":42,"time_in":"…","time_out":"…"}',
        '{"channel":"ticker","type":"update","data":[]}',
        '{"channel":"ticker","type":"update","data":[{"symbol":"SOL/USD","bid":[]}]}',
    ],
)
def test_messages_without_our_prices_are_ignored(frame: str) -> None:
    """They are known, and make neither a tick nor an error."""
    assert [] == read(frame)


# Invalid frames


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "pong",
        "null",
        "[]",
        "{}",
        '[0,{},"trade","XBT/USD"]',
        "<html>429 Too Many Requests</html>",
        b"\xff\xfe",
        '{"channel":["ticker"]}',
        '{"channel":"ticker"}',
        '{"channel":"ticker","data":{"symbol":"BTC/USD"}}',
        '{"channel":"ticker","data":["BTC/USD"]}',
        '{"channel":"ticker","data":[{"symbol":["BTC/USD"]}]}',
        '{"channel":"trade","data":[{}]}',
        '{"method":"subscribe","success":"true"}',
        '{"method":"subscribe"}',
        '{"method":["subscribe"],"success":true}',
        '{"method":"subscribe","success":true,"req_id":"1"}',
        '{"method":"subscribe","success":true,"req_id":true}',
        '{"error":{"code":1},"success":false}',
        ticker(bid="NaN"),
        ticker(bid={}),
        ticker(bid=True),
        ticker(ask_qty=[]),
        ticker(change_pct="a lot"),
        ticker(high="9" * 60),
        ticker(timestamp=1770000000),
        ticker(timestamp="2026-01-05T14:30:00"),
        trades({"price": None}),
        trades({"price": "Infinity"}),
        trades({"qty": {}}),
        trades({"trade_id": "82062566"}),
        trades({"trade_id": 1.5}),
        trades({"trade_id": True}),
        trades({"timestamp": None}),
        trades({"timestamp": "yesterday"}),
        trades({}, {"trade_id": None}, kind="snapshot"),
    ],
)
def test_is_unreadable(frame: str | bytes) -> None:
    """A frame that Kraken does not send is unreadable, with a problem."""
    (event,) = read(frame)

    assert isinstance(event, Unreadable)
    assert 0 < len(event.problem) <= 200


# The built-in exchange


def test_reads_everything_that_the_exchange_sends(exchange: Exchange) -> None:
    """Over a real socket every message is readable, and the validator accepts every price."""
    socket = create_connection(f"{exchange.url}/kraken/v2", timeout=PATIENCE)
    try:
        for frame in PROVIDER.subscribe([*ARRIVAL.names, "XXX/USD"], 1):
            socket.send(frame)
        socket.send('{"method":"ping","req_id":42}')
        frames = [socket.recv() for _ in range(60)]
    finally:
        socket.close()
    arrival = FrameContext(datetime.now(UTC), 1, ARRIVAL.names)
    events = [event for frame in frames for event in PROVIDER.parse(frame, arrival)]
    policy, validator = POLICIES[AssetClass.CRYPTO], Validator()
    held: dict[str, SourceQuote] = {}
    for update in events:
        if isinstance(update, Tick):
            accepted = validator.validate(update, held.get(update.symbol), (), policy)
            assert accepted is not None, update
            held[update.symbol] = SourceQuote.merge(accepted, held.get(update.symbol))

    assert [] == [event for event in events if isinstance(event, Unreadable)]
    assert [1, 1, 2, 2] == [event.id for event in events if isinstance(event, Acknowledged)]
    assert [RequestRejected(0, "Currency pair not supported XXX/USD")] * 2 == [
        event for event in events if isinstance(event, RequestRejected)
    ]
    assert {"BTC", "ETH"} == set(held)
    for held_quote in held.values():
        assert held_quote.trade.id is not None
        assert held_quote.trade.time is not None
        assert held_quote.book.bid < held_quote.book.ask
        assert held_quote.book.id is None
        assert held_quote.day.low <= held_quote.day.open <= held_quote.day.high
