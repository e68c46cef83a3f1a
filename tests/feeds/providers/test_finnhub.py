"""Long for a reason: the stream and the poller are two providers of one file."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.lease import Leases
from omcrm.feeds.provider import (
    AccessDenied,
    Event,
    FrameContext,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers.finnhub import KEY, QUOTE_SOURCE, SOURCE, Finnhub, FinnhubQuote
from omcrm.feeds.status import FeedState
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.price_class import PriceClass
from omcrm.market.source import HealthState
from omcrm.market.tick import DayFigures, Tick, Trade
from tests.feeds.bad_frames import WRONG
from tests.feeds.replies import reply
from tests.processes import Exchange, wait_for
from tests.threads import Threads
from tests.values import START

SECRET = "c9s3cr3tfinnhubkey"
KEYS = Keys({KEY: SECRET}.__getitem__)
STREAM = Finnhub("wss://ws.finnhub.io", KEYS)
QUOTES = FinnhubQuote("https://finnhub.io/api/v1", KEYS)
NAMES = {"AAPL": "AAPL", "BINANCE:BTCUSDT": "BTC"}
ARRIVAL = FrameContext(START, 3, NAMES)
TRADED_AT = datetime(2026, 2, 2, 2, 40, 0, 123_000, tzinfo=UTC)
QUOTED_AT = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
SHARE = {"s": "AAPL", "p": 231.55, "t": 1770000000123, "v": 100, "c": ["1", "12"]}
QUOTE = {
    "c": 231.5,
    "d": 1.25,
    "dp": 0.5429,
    "h": 232.1,
    "l": 229.8,
    "o": 230.2,
    "pc": 230.25,
    "t": 1770000000,
}
ZEROS = {**dict.fromkeys(QUOTE, 0), "d": None, "dp": None}


def read(message: object) -> list[Event]:
    return list(STREAM.parse(msgspec.json.encode(message), ARRIVAL))


def trades(*messages: dict[str, Any]) -> list[tuple[str, Trade | None]]:
    """The symbols and trades of a frame with these trades."""
    events = read({"type": "trade", "data": list(messages)})
    assert all(isinstance(event, Tick) for event in events), events
    return [(event.symbol, event.trade) for event in events if isinstance(event, Tick)]


def ask(name: str, answer: Reply) -> list[Event]:
    (call,) = QUOTES.calls([name])
    return list(QUOTES.parse(call, answer, ARRIVAL))


def day(**changed: Any) -> DayFigures | None:
    """The day's figures of the usual quote with these fields."""
    (tick,) = ask("AAPL", reply({**QUOTE, **changed}))
    assert isinstance(tick, Tick)
    return tick.day


def events_of(frames: Iterable[str]) -> list[Event]:
    return [event for frame in frames for event in STREAM.parse(frame, ARRIVAL)]


# The key


@pytest.mark.parametrize("provider", [STREAM, QUOTES])
def test_calls_are_counted_by_key(provider: Finnhub | FinnhubQuote) -> None:
    """Calls are counted by it, and with it no setting is missing."""
    assert SECRET == provider.api_key()
    assert None is provider.missing()


@pytest.mark.parametrize("make", [Finnhub, FinnhubQuote])
def test_a_missing_key_is_named(make: type[Finnhub] | type[FinnhubQuote]) -> None:
    """The name of the setting is returned."""
    provider = make("ws://127.0.0.1:9", Keys())

    assert "FINNHUB_API_KEY" == provider.missing()
    assert "" == provider.api_key()


def test_the_key_is_read_for_every_connection() -> None:
    """A key that is changed while the process runs is used for the next connection."""
    keys = {KEY: "the-first-key"}
    stream = Finnhub("wss://ws.finnhub.io", Keys(keys.__getitem__))
    quotes = FinnhubQuote("https://finnhub.io/api/v1", Keys(keys.__getitem__))

    assert "wss://ws.finnhub.io?token=the-first-key" == stream.url()
    keys[KEY] = "the second&key"
    assert "wss://ws.finnhub.io?token=the+second%26key" == stream.url()
    assert {"X-Finnhub-Token": "the second&key"} == quotes.calls(["AAPL"])[0].headers


def test_the_key_of_quotes_is_in_no_url() -> None:
    """Proxies log URLs, but not headers."""
    (call,) = QUOTES.calls(["AAPL"])

    assert "https://finnhub.io/api/v1/quote?symbol=AAPL" == call.url
    assert {"X-Finnhub-Token": SECRET} == call.headers


def test_an_upstream_that_repeats_the_key_does_not_give_it_away() -> None:
    """No event holds the key, nor half of it where a text is cut."""
    long = "x" * 190 + SECRET
    events = [
        *events_of([msgspec.json.encode({"type": "error", "msg": f"bad {SECRET}"}).decode()]),
        *events_of([msgspec.json.encode({"type": "error", "msg": long}).decode()]),
        *events_of([msgspec.json.encode({"type": SECRET, SECRET: SECRET}).decode()]),
        *events_of([msgspec.json.encode({"type": {SECRET: SECRET}}).decode()]),
        *ask("AAPL", reply({"error": f"bad {SECRET}"}, 401)),
        *ask("AAPL", reply(long.encode(), 401)),
        *ask("AAPL", reply({"error": long})),
        *ask("AAPL", reply({"c": SECRET, "t": 1})),
    ]

    assert 7 == len(events)
    assert [] == [event for event in events if SECRET[:6] in repr(event)]


# Subscriptions and calls


def test_each_symbol_is_subscribed_by_its_own_frame() -> None:
    """The protocol has no list of symbols, and no number of a request."""
    frames = STREAM.subscribe(["AAPL", "BINANCE:BTCUSDT"], 7)

    assert [
        {"type": "subscribe", "symbol": "AAPL"},
        {"type": "subscribe", "symbol": "BINANCE:BTCUSDT"},
    ] == [msgspec.json.decode(frame) for frame in frames]
    (frame,) = STREAM.unsubscribe(["AAPL"], 8)
    assert {"type": "unsubscribe", "symbol": "AAPL"} == msgspec.json.decode(frame)


def test_keeps_within_what_a_free_key_allows() -> None:
    """Fifty symbols on one connection, which may be quiet for longer than between two pings."""
    limits = STREAM.limits

    assert (50, 1) == (limits.symbols, limits.connections)
    assert limits.heartbeat_timeout is not None
    assert 2 * 60 < limits.heartbeat_timeout <= 150
    assert [(60, "minute")] == [(budget.calls, budget.period) for budget in QUOTES.limits.budgets]
    assert 1 == QUOTES.limits.batch


def test_what_is_pushed_is_live_and_what_is_asked_is_not() -> None:
    """Only streamed prices may fill an order."""
    assert ("finnhub", PriceClass.LIVE) == (SOURCE.name, SOURCE.claim)
    assert ("finnhub_quote", PriceClass.INDICATIVE) == (QUOTE_SOURCE.name, QUOTE_SOURCE.claim)
    assert (SOURCE, QUOTE_SOURCE) == (STREAM.source, QUOTES.source)


def test_a_name_is_quoted_in_the_url() -> None:
    """A colon or an ampersand in a name cannot change the URL."""
    calls = QUOTES.calls(["BINANCE:BTCUSDT", "A&B"])

    assert ["symbol=BINANCE%3ABTCUSDT", "symbol=A%26B"] == [
        call.url.partition("?")[2] for call in calls
    ]


# Trades


def test_a_trade_has_price_size_and_time_but_no_number() -> None:
    """Finnhub numbers no trades, and none is invented."""
    trade = Trade(Decimal("231.55"), Decimal(100), None, TRADED_AT)

    assert [("AAPL", trade)] == trades(SHARE)


@pytest.mark.parametrize("size", [0, 0.0, None])
def test_a_venue_without_trades_sends_a_price_without_a_size(size: object) -> None:
    """A size of zero means a new price without a size."""
    ((_, trade),) = trades({**SHARE, "v": size})

    assert Trade(Decimal("231.55"), None, None, TRADED_AT) == trade


@pytest.mark.parametrize("conditions", [["1", "12"], [], None])
def test_conditions_do_not_matter(conditions: object) -> None:
    """They may be a list, empty, null, or missing, and are ignored."""
    without = {key: value for key, value in SHARE.items() if key != "c"}

    assert trades(without) == trades({**SHARE, "c": conditions})


def test_trades_of_one_frame_are_put_in_the_order_of_time() -> None:
    """The newest comes last, whatever the frame's order and the symbol."""
    coin = {"s": "BINANCE:BTCUSDT", "p": 91234, "v": 1, "c": None}
    events = trades(
        {**SHARE, "p": 3, "t": 3_000},
        {**coin, "t": 2_000},
        {**SHARE, "p": 1, "t": 1_000},
        {**coin, "t": 4_000},
    )

    assert [("AAPL", 1), ("BTC", 2), ("AAPL", 3), ("BTC", 4)] == [
        (symbol, trade.time.timestamp()) for symbol, trade in events
    ]


def test_equal_trades_are_two_trades_in_the_order_received() -> None:
    """The same price, size and time may come twice; of one millisecond the last one counts."""
    events = trades(SHARE, SHARE, {**SHARE, "p": 231.5})

    assert [Decimal("231.55"), Decimal("231.55"), Decimal("231.5")] == [
        trade.price for _, trade in events
    ]


def test_only_what_is_followed_is_read() -> None:
    """Other symbols in the same frame are ignored, whatever their fields are."""
    other = {"s": "MSFT", "p": None, "t": None}

    assert ["AAPL"] == [symbol for symbol, _ in trades(other, SHARE, other)]


@pytest.mark.parametrize("field", ["s", "p", "t", "v"])
@pytest.mark.parametrize("wrong", [{}, [], [[]], {"code": "x"}, True, "abc"])
def test_a_field_of_another_kind_is_unreadable(field: str, wrong: object) -> None:
    """A field of a wrong type is unreadable; another name is another symbol."""
    events = read({"type": "trade", "data": [{**SHARE, field: wrong}]})
    expected = [] if field == "s" and isinstance(wrong, str) else [Unreadable]

    assert expected == [type(event) for event in events]


# Other messages


@pytest.mark.parametrize(
    "message",
    [{"type": "ping"}, {"type": "news", "data": []}, {"type": "pr", "data": None}, {"type": ""}],
)
def test_messages_without_a_price_make_no_event(message: object) -> None:
    """Pings need no answer, and news are not subscribed."""
    assert [] == read(message)


def test_too_many_symbols_is_a_refusal() -> None:
    """It has no symbol, and the connection goes on."""
    words = "Subscribing to too many symbols"

    assert [RequestRejected(0, words)] == read({"type": "error", "msg": words})


# Quotes


def test_a_quote_brings_price_and_day() -> None:
    """The open is the day's, the change is since the previous close, the time is the quote's."""
    (tick,) = ask("AAPL", reply(QUOTE))

    assert isinstance(tick, Tick)
    assert Trade(Decimal("231.5"), time=QUOTED_AT) == tick.trade
    assert (
        DayFigures(
            Decimal("230.2"),
            Decimal("232.1"),
            Decimal("229.8"),
            change_percent=Decimal("0.543"),
            time=QUOTED_AT,
        )
        == tick.day
    )
    assert ("AAPL", 3, START) == (tick.symbol, tick.connection, tick.received_at)


@pytest.mark.parametrize(
    "quote", [ZEROS, {**QUOTE, "c": 0}, {**QUOTE, "t": 0}, {**QUOTE, "c": 0.0}, {}]
)
def test_zeros_are_no_quote(quote: object) -> None:
    """An unknown symbol is answered with 200 and zeros, sometimes a known one, too."""
    assert [] == ask("AAPL", reply(quote))


def test_zeros_of_the_day_are_no_prices() -> None:
    """Before the opening there is a price, but no open, high and low."""
    assert DayFigures(change_percent=Decimal("0.543"), time=QUOTED_AT) == day(o=0, h=0, l=None)


def test_a_day_without_figures_is_none() -> None:
    """Without any figure there are no day figures."""
    assert None is day(o=0, h=0, l=0, dp=None, pc=0)


@pytest.mark.parametrize(
    ("dp", "pc", "change"),
    [
        (0.5429, 230.25, "0.543"),
        (None, 230.25, "0.543"),
        (0.5429, 0, "0.543"),
        (0.5429, None, "0.543"),
        (0, 231.5, "0"),
        # The reported change is not that since the previous close.
        (5.429, 230.25, None),
        (0.5429, 2302.5, None),
        (None, 0, None),
    ],
)
def test_the_change_is_checked_against_the_previous_close(
    dp: object, pc: object, change: str | None
) -> None:
    """It is computed where it is missing, and left out where it contradicts the close."""
    figures = day(dp=dp, pc=pc)

    assert figures is not None
    assert (None if change is None else Decimal(change)) == figures.change_percent


@pytest.mark.parametrize("field", ["c", "t", "o", "h", "l", "dp", "pc"])
@pytest.mark.parametrize("wrong", [[], {}, "abc", True])
def test_a_number_of_another_type_is_unreadable(field: str, wrong: object) -> None:
    """The reply is unreadable."""
    (event,) = ask("AAPL", reply({**QUOTE, field: wrong}))

    assert isinstance(event, Unreadable)


@pytest.mark.parametrize("body", WRONG)
def test_an_answer_of_another_kind_is_no_price(body: object) -> None:
    """An answer that is no object makes no tick."""
    assert [] == [event for event in ask("AAPL", reply(body)) if isinstance(event, Tick)]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "Invalid API key"),
        (403, "Your account is blocked."),
        (429, "API limit reached. Please try again later. Remaining Limit: 0"),
    ],
)
def test_a_refusal_keeps_its_status_and_words(status: int, words: str) -> None:
    """The message is the upstream's own."""
    (denied,) = ask("AAPL", reply({"error": words}, status))

    assert isinstance(denied, AccessDenied)
    assert status == denied.status
    assert words in denied.message


def test_what_the_plan_lacks_is_refused_alone() -> None:
    """Access is not denied: the other symbols are served."""
    (refused,) = ask("AAPL", reply({"error": "You don't have access to this resource."}, 403))

    assert isinstance(refused, RequestRejected)
    assert 403 == refused.code
    assert "don't have access" in refused.message


# On real sockets


class Watched:
    """A supervisor of Finnhub's stream and all of its reports."""

    def __init__(self, url: str, leases: Leases | None = None, key: str = SECRET) -> None:
        self.ticks: list[Tick] = []
        self.conditions: list[HealthState] = []
        reports = FeedCallbacks(
            self.ticks.append,
            lambda source, condition, connection: self.conditions.append(condition),
            lambda source: None,
        )
        keys = Keys({KEY: key}.__getitem__)
        provider = Finnhub(url, keys)
        self.supervisor = Supervisor(
            provider, reports, lambda: datetime.now(UTC), SupervisorTiming(), keys, leases
        )
        self.supervisor.follow(NAMES, lambda: True)

    @contextmanager
    def running(self) -> "Iterator[Watched]":
        threads = Threads()
        self.supervisor.start()
        yield self
        self.supervisor.stop()
        threads.wait()


def test_the_stream_brings_prices_and_keeps_its_key(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """Shares and coins come over one connection, and no status or log holds the key."""
    with Watched(f"{exchange.url}/finnhub").running() as watched:
        wait_for(lambda: {tick.symbol for tick in watched.ticks} == {"AAPL", "BTC"}, 15, "both")
        status = watched.supervisor.status()

    assert FeedState.STREAMING is status.state
    assert 0 == status.unreadable
    assert None is status.last_error
    assert [] == [tick for tick in watched.ticks if tick.trade is None or tick.trade.id is not None]
    assert SECRET not in repr((status, watched.ticks, caplog.text))


def test_a_second_connection_with_the_key_ends_both_and_the_feed_comes_back(
    exchange: Exchange,
) -> None:
    """A second user of the key without a lease ends the connection; the feed recovers."""
    with Watched(f"{exchange.url}/finnhub").running() as watched:
        wait_for(lambda: watched.ticks, 15, "data")
        with Watched(f"{exchange.url}/finnhub").running() as other:
            wait_for(lambda: HealthState.DOWN in watched.conditions, 10, "the first to end")
            wait_for(lambda: other.supervisor.status().reconnects > 0, 10, "the second to end")
        before = len(watched.ticks)
        wait_for(lambda: len(watched.ticks) > before, 15, "data again")

        assert FeedState.STREAMING is watched.supervisor.status().state


def test_with_a_lease_the_second_waits(exchange: Exchange, tmp_path: Path) -> None:
    """Two processes of this machine do not end each other's connection."""
    with Watched(f"{exchange.url}/finnhub", Leases(tmp_path)).running() as watched:
        wait_for(lambda: watched.ticks, 15, "data")
        with Watched(f"{exchange.url}/finnhub", Leases(tmp_path)).running() as other:
            wait_for(lambda: other.supervisor.status().state is FeedState.WAITING, 10, "it to wait")

        assert HealthState.DOWN not in watched.conditions
        assert [] == other.ticks


def test_a_wrong_key_is_reported_without_the_key(exchange: Exchange) -> None:
    """The handshake is refused with 401, and the key is not in the status."""
    with Watched(f"{exchange.url}/finnhub", key="bad-secret").running() as watched:
        wait_for(lambda: HealthState.DOWN in watched.conditions, 10, "the refusal")
        status = watched.supervisor.status()

    assert FeedState.WAITING is status.state
    assert "401" in str(status.last_error)
    assert "bad-secret" not in repr(status)


def test_quotes_are_fetched(exchange: Exchange) -> None:
    """A share and a coin are answered with a price, an unknown name with none."""
    base = f"http://127.0.0.1:{exchange.port}/finnhub/api/v1"
    provider = FinnhubQuote(base, KEYS)
    events: dict[str, list[Event]] = {}
    with closing(Fetcher()) as fetcher:
        for call in provider.calls([*NAMES, "XYZ"]):
            arrival = FrameContext(datetime.now(UTC), 1, {**NAMES, "XYZ": "XYZ"})
            events[call.names[0]] = list(provider.parse(call, fetcher.get(call), arrival))

    assert [] == events["XYZ"]
    for name, symbol in NAMES.items():
        (tick,) = events[name]
        assert isinstance(tick, Tick)
        assert (symbol, QUOTE_SOURCE) == (tick.symbol, tick.source)
        assert tick.day is not None
        assert tick.day.change_percent is not None


def test_quotes_with_a_wrong_key_are_refused(exchange: Exchange) -> None:
    """The answer is a refusal, not an empty quote."""
    keys = Keys({KEY: "bad-secret"}.__getitem__)
    provider = FinnhubQuote(f"http://127.0.0.1:{exchange.port}/finnhub/api/v1", keys)
    (call,) = provider.calls(["AAPL"])
    with closing(Fetcher()) as fetcher:
        (denied,) = provider.parse(call, fetcher.get(call), ARRIVAL)

    assert isinstance(denied, AccessDenied)
    assert 401 == denied.status
    assert "bad-secret" not in repr(denied)
