"""Long for a reason: the login, each type of message, each error, and one whole connection."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers import alpaca
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.trade_condition import VOLUME_ONLY
from tests.feeds.providers.alpaca.samples import ALPACA
from tests.processes import Exchange, wait_for
from tests.values import START

HOST = "wss://stream.data.alpaca.markets"
STOCKS = f"{HOST}/v2/iex"
COINS = f"{HOST}/v1beta3/crypto/us"
ID, SECRET = "PKEXAMPLEKEYID", "example-secret-of-alpaca"
ARRIVAL = FrameContext(
    START, 3, {"AAPL": "AAPL", "MSFT": "MSFT", "BTC/USD": "BTC", "FAKEPACA": "FAKE"}
)
AT = "2026-01-05T14:30:00.123456789Z"
TRADED_AT = datetime(2026, 1, 5, 14, 30, 0, 123_456, tzinfo=UTC)

TRADE = {
    "T": "t", "S": "AAPL", "i": 1201, "x": "V", "p": 231.55, "s": 25, "c": ["@", "I"], "z": "C",
    "t": AT,
}  # fmt: skip
QUOTE = {
    "T": "q", "S": "AAPL", "bx": "V", "bp": 231.5, "bs": 2, "ax": "V", "ap": 231.58, "as": 1,
    "c": ["R"], "z": "C", "t": "2026-01-05T14:30:00.2Z",
}  # fmt: skip
BAR = {
    "T": "d", "S": "AAPL", "o": 230, "h": 232.1, "l": 229.95, "c": 231.55, "v": 1201344,
    "n": 9120, "vw": 231.02, "t": "2026-01-05T05:00:00Z",
}  # fmt: skip
COIN_TRADE = {
    "T": "t", "S": "BTC/USD", "p": 91234.5, "s": 0.0015, "t": AT, "i": 77, "tks": "B",
}  # fmt: skip
COIN_QUOTE = {
    "T": "q", "S": "BTC/USD", "bp": 91234, "bs": 0.5, "ap": 91235.5, "as": 1.25, "t": AT,
}  # fmt: skip


def provider(url: str = STOCKS, key: str = ID, secret: str = SECRET) -> Alpaca:
    return Alpaca(url, Keys({alpaca.KEY_ID.env: key, alpaca.SECRET.env: secret}.__getitem__))


def read(*messages: Any, url: str = STOCKS) -> list[Event]:
    return list(provider(url).parse(json.dumps(messages), ARRIVAL))


def tick(*messages: Any, url: str = STOCKS) -> Tick:
    """The one tick there must be."""
    (event,) = read(*messages, url=url)
    assert isinstance(event, Tick)
    return event


# The login


def test_logs_in_first_and_waits_to_be_welcomed() -> None:
    """The first frame has both halves of the key; only its answer is an `Authenticated`."""
    alpaca = provider()

    assert alpaca.authenticates
    assert [{"action": "auth", "key": ID, "secret": SECRET}] == [
        json.loads(frame) for frame in alpaca.opening()
    ]
    assert [] == read({"T": "success", "msg": "connected"})
    assert [Authenticated()] == read({"T": "success", "msg": "authenticated"})


def test_keys_are_read_for_every_connection() -> None:
    """A key that is changed while the process runs is used for the next connection."""
    held = {alpaca.KEY_ID.env: "first-id", alpaca.SECRET.env: "first-secret"}
    provider = Alpaca(STOCKS, Keys(held.__getitem__))
    before = json.loads(provider.opening()[0])
    held |= {alpaca.KEY_ID.env: "second-id", alpaca.SECRET.env: "second-secret"}
    after = json.loads(provider.opening()[0])

    assert ("first-id", "first-secret") == (before["key"], before["secret"])
    assert ("second-id", "second-secret") == (after["key"], after["secret"])
    assert "second-id" == provider.api_key()


@pytest.mark.parametrize(
    ("key", "secret", "missing"),
    [
        (ID, SECRET, None),
        ("", SECRET, "ALPACA_API_KEY_ID"),
        (ID, " ", "ALPACA_API_SECRET_KEY"),
        ("", "", "ALPACA_API_KEY_ID"),
    ],
)
def test_the_missing_key_is_named(key: str, secret: str, missing: str | None) -> None:
    """The empty setting is named, the id first."""
    assert missing == provider(key=key, secret=secret).missing()


@pytest.mark.parametrize(
    ("feed", "claim"),
    [
        ("v2/iex", PriceClass.LIVE),
        ("v2/sip", PriceClass.LIVE),
        ("v2/delayed_sip", PriceClass.DELAYED),
        ("v2/delayed_sip/", PriceClass.DELAYED),
        ("v1beta3/crypto/us", PriceClass.LIVE),
    ],
)
def test_the_url_decides_the_price_class(feed: str, claim: PriceClass) -> None:
    """Prices of the delayed feed must not fill orders."""
    alpaca = provider(f"{HOST}/{feed}")

    assert ("alpaca", claim) == (alpaca.source.name, alpaca.source.claim)
    assert alpaca.source == next(iter(alpaca.parse(json.dumps([TRADE]), ARRIVAL))).source


# Subscriptions


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_asks_for_trades_quotes_and_daily_bars(action: str) -> None:
    """Every channel names the same symbols."""
    (frame,) = getattr(provider(), action)(iter(["AAPL", "MSFT"]), 1)
    names = ["AAPL", "MSFT"]

    assert {"action": action, "trades": names, "quotes": names, "dailyBars": names} == json.loads(
        frame
    )


def test_the_test_feed_is_not_asked_for_daily_bars() -> None:
    """It has none, and would reject the whole request."""
    (frame,) = provider(f"{HOST}/v2/test").subscribe(["FAKEPACA"], 1)

    assert {"action": "subscribe", "trades": ["FAKEPACA"], "quotes": ["FAKEPACA"]} == json.loads(
        frame
    )


def test_subscribes_in_frames_of_half_the_limit() -> None:
    """A frame that is rejected as a whole is not all of the symbols."""
    alpaca = provider()
    names = [f"S{number}" for number in range(alpaca.limits.symbols)]
    asked = [json.loads(frame)["trades"] for frame in alpaca.subscribe(names, 1)]

    assert (30, 1) == (alpaca.limits.symbols, alpaca.limits.connections)
    assert [15, 15] == [len(batch) for batch in asked]
    assert names == [name for batch in asked for name in batch]


# Prices of shares


SHARE_TRADE = Trade(Decimal("231.55"), Decimal(25), None, TRADED_AT, VOLUME_ONLY, "V 1201")
"""An odd lot, which counts in the volume alone."""


def test_a_trade_of_a_share_has_no_number() -> None:
    """Each exchange numbers its own trades, so they cannot be compared; nanoseconds are cut."""
    assert Tick("AAPL", provider().source, START, 3, trade=SHARE_TRADE) == tick(TRADE)


@pytest.mark.parametrize(
    ("written", "microsecond"),
    [
        ("2026-01-05T14:30:00Z", 0),
        ("2026-01-05T14:30:00.2Z", 200_000),
        ("2026-01-05T14:30:00.123456Z", 123_456),
        ("2026-01-05T14:30:00.123456789Z", 123_456),
        ("2026-01-05T09:30:00.12-05:00", 120_000),
    ],
)
def test_times_have_any_number_of_digits(written: str, microsecond: int) -> None:
    """From none to nine digits of a second are read, in any zone."""
    trade = tick({**TRADE, "t": written}).trade

    assert trade is not None
    assert datetime(2026, 1, 5, 14, 30, 0, microsecond, tzinfo=UTC) == trade.time


def test_sizes_of_a_share_are_counted_in_round_lots() -> None:
    """A quote of two lots is one of two hundred shares."""
    at = datetime(2026, 1, 5, 14, 30, 0, 200_000, tzinfo=UTC)
    expected = TopOfBook(Decimal("231.5"), Decimal("231.58"), Decimal(200), Decimal(100), time=at)

    assert expected == tick(QUOTE).book


@pytest.mark.parametrize("side", ["bp", "ap"])
def test_an_empty_side_makes_no_book(side: str) -> None:
    """A price of zero means an empty side."""
    assert [] == read({**QUOTE, side: 0})


def test_a_daily_bar_gives_the_figures_of_the_day() -> None:
    """It has no change, for it has no previous close."""
    expected = DayFigures(
        Decimal(230),
        Decimal("232.1"),
        Decimal("229.95"),
        Decimal(1201344),
        None,
        datetime(2026, 1, 5, 5, tzinfo=UTC),
    )
    bar_tick = tick(BAR)

    assert expected == bar_tick.day
    assert bar_tick.trade is None


def test_a_day_without_trades_has_no_figures() -> None:
    """A bar without volume is made of quotes."""
    assert [] == read({**BAR, "v": 0, "n": 0, "vw": 0})


def test_fakepaca_is_a_share() -> None:
    """The symbol of the test feed is read like any other."""
    assert SHARE_TRADE == tick({**TRADE, "S": "FAKEPACA"}, url=f"{HOST}/v2/test").trade


# Prices of coins


def test_a_trade_of_a_coin_has_a_number() -> None:
    """Coins have one exchange that numbers their trades."""
    trade = Trade(Decimal("91234.5"), Decimal("0.0015"), 77, TRADED_AT)
    bar_tick = tick(COIN_TRADE, url=COINS)

    assert ("BTC", trade) == (bar_tick.symbol, bar_tick.trade)


def test_sizes_of_a_coin_are_as_they_are() -> None:
    """Coins have no round lots."""
    sizes = Decimal("0.5"), Decimal("1.25")
    expected = TopOfBook(Decimal(91234), Decimal("91235.5"), *sizes, time=TRADED_AT)

    assert expected == tick(COIN_QUOTE, url=COINS).book


# Other messages


def test_an_array_may_hold_everything() -> None:
    """Messages of all types are read in their order, and those of other symbols are ignored."""
    bar_tick = read(TRADE, {**QUOTE, "S": "MSFT"}, {**TRADE, "S": "TSLA"}, BAR)

    assert ["AAPL", "MSFT", "AAPL"] == [
        event.symbol for event in bar_tick if isinstance(event, Tick)
    ]
    assert 3 == len(bar_tick)


def test_one_bad_message_spoils_no_other() -> None:
    """The rest of an array is read, and only the first problem is reported."""
    first, second, problem = read(TRADE, {**TRADE, "p": None}, 17, QUOTE)

    assert isinstance(first, Tick)
    assert isinstance(second, Tick)
    assert isinstance(problem, Unreadable)


@pytest.mark.parametrize("kind", ["b", "u", "s", "l", "i", "n", "o", "something_new"])
def test_messages_without_a_price_make_no_event(kind: str) -> None:
    """Minute bars, halts, limits, imbalances, news and books are ignored."""
    assert [] == read({**TRADE, "T": kind})
    assert [] == read({"T": kind, "id": 1})


def test_a_list_of_subscriptions_acknowledges() -> None:
    """The server sends the whole list after every request."""
    assert [Acknowledged(None)] == read({"T": "subscription", "trades": ["AAPL"], "quotes": []})


@pytest.mark.parametrize(
    "message",
    [
        {**TRADE, "S": {}},
        {**TRADE, "t": 1736087400},
        {**TRADE, "t": "2026-01-05T14:30:00"},
        {**TRADE, "s": []},
        {**QUOTE, "bs": None},
        {**BAR, "o": True},
        {**COIN_TRADE, "i": "77"},
        {**COIN_TRADE, "i": True},
        {"T": "error", "code": "405", "msg": ""},
        {"T": "error", "code": 405, "msg": {}},
        {"T": ["t"]},
    ],
)
def test_a_wrong_type_is_unreadable(message: Any) -> None:
    """A field of another type makes no tick."""
    (event,) = read(message, url=COINS)

    assert isinstance(event, Unreadable)


def test_a_message_outside_of_an_array_is_unreadable() -> None:
    """The server sends only arrays."""
    (event,) = provider().parse(json.dumps(TRADE), ARRIVAL)

    assert isinstance(event, Unreadable)


# Errors


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (400, RequestRejected(400, "words")),
        (401, AccessDenied(401, "words")),
        (402, AccessDenied(401, "words")),
        (403, RequestRejected(403, "words")),
        (404, AccessDenied(401, "words")),
        (405, RequestRejected(405, "words")),
        (406, AccessDenied(429, "words")),
        (407, AccessDenied(503, "words")),
        (409, AccessDenied(403, "words")),
        (410, RequestRejected(410, "words")),
        (500, AccessDenied(503, "words")),
        (999, RequestRejected(999, "words")),
    ],
)
def test_each_error_code_is_mapped(code: int, event: Event) -> None:
    """Some codes deny access with a status, others only reject a request."""
    assert [event] == read({"T": "error", "code": code, "msg": "words"})


def test_an_error_may_have_no_words() -> None:
    """The code alone decides."""
    assert [AccessDenied(401, "")] == read({"T": "error", "code": 402})


def test_no_event_holds_either_half_of_the_key() -> None:
    """Whatever the upstream repeats, no event holds the id or the secret."""
    alpaca = provider()
    alpaca.opening()
    # At every position of a text that is cut at some length.
    echoes = [
        {**TRADE, key: f"{' ' * blanks}{half}"}
        for key in ("t", "p", "s", "T", "S")
        for half in (ID, SECRET)
        for blanks in range(0, 220, 5)
    ]
    echoes += [
        {"T": "error", "code": code, "msg": f"{' ' * blanks}{ID}:{SECRET}"}
        for code in (402, 405)
        for blanks in range(0, 220, 5)
    ]
    for echo in echoes:
        for event in alpaca.parse(json.dumps([echo]), ARRIVAL):
            for secret in (ID[:6], SECRET[:6]):
                assert secret not in repr(event), echo


def test_keys_are_hidden_from_what_shows_them() -> None:
    """A refusal that repeats them stays readable, with stars in their place."""
    alpaca = provider()
    alpaca.opening()
    frame = json.dumps([{"T": "error", "code": 402, "msg": f"no {ID} with {SECRET}"}])

    assert [AccessDenied(401, "no *** with ***")] == list(alpaca.parse(frame, ARRIVAL))


# A whole connection


class Fed:
    """A supervisor of Alpaca's feed at the built-in exchange, and its ticks."""

    def __init__(self, url: str, key: str = ID) -> None:
        self.ticks: list[Tick] = []
        reports = FeedCallbacks(self.ticks.append, lambda *_: None, lambda _: None)
        keys = Keys({alpaca.KEY_ID.env: key, alpaca.SECRET.env: SECRET}.__getitem__)
        self.supervisor = Supervisor(
            Alpaca(url, keys), reports, lambda: datetime.now(UTC), keys=keys
        )
        self.supervisor.follow({"AAPL": "AAPL"}, lambda: True)

    def has(self, field: str) -> bool:
        return any(getattr(tick, field) for tick in self.ticks)


@pytest.fixture
def fed(exchange: Exchange) -> Iterator[Fed]:
    """A started supervisor with a valid key."""
    fed = Fed(f"{exchange.url}/alpaca/v2/iex")
    fed.supervisor.start()
    yield fed
    fed.supervisor.stop()


def test_a_supervisor_logs_in_subscribes_and_streams(fed: Fed) -> None:
    """Trades, quotes and the figures of the day come for the subscribed symbol."""
    wait_for(lambda: all(fed.has(name) for name in ("trade", "book", "day")), 15, "every field")

    assert {"AAPL"} == {tick.symbol for tick in fed.ticks}
    assert "streaming" == fed.supervisor.status().state
    assert fed.supervisor.status().last_error is None


def test_a_wrong_key_is_not_tried_again_soon(exchange: Exchange) -> None:
    """The refusal is reported without the key, and the supervisor waits for minutes."""
    fed = Fed(f"{exchange.url}/alpaca/v2/iex", key="bad-id-of-no-one")
    fed.supervisor.start()
    try:
        wait_for(lambda: fed.supervisor.status().state == "waiting", 10, "the refusal")
        status = fed.supervisor.status()
    finally:
        fed.supervisor.stop()

    assert "refused with 401: auth failed" == status.last_error
    assert [] == fed.ticks


def test_samples_are_arrays() -> None:
    """The frames of the shared test are arrays, like those of the server."""
    assert all(isinstance(json.loads(frame), list) for frame in ALPACA)
