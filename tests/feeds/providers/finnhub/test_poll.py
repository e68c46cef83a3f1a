from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Event,
    FrameContext,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers import finnhub
from omcrm.feeds.providers.finnhub.poll import FinnhubQuote
from omcrm.market.tick import DayFigures, Tick, Trade
from tests.feeds.bad_frames import WRONG
from tests.feeds.samples import reply
from tests.processes import Exchange
from tests.values import START

SECRET = "c9s3cr3tfinnhubkey"
KEYS = Keys({finnhub.KEY.env: SECRET}.__getitem__)
QUOTES = FinnhubQuote("https://finnhub.io/api/v1", KEYS)
NAMES = {"AAPL": "AAPL", "BINANCE:BTCUSDT": "BTC"}
ARRIVAL = FrameContext(START, 3, NAMES)
QUOTED_AT = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
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


def ask(name: str, answer: Reply) -> list[Event]:
    (call,) = QUOTES.calls([name])
    return list(QUOTES.parse(call, answer, ARRIVAL))


def day(**changed: Any) -> DayFigures | None:
    """The day's figures of the usual quote with these fields."""
    (tick,) = ask("AAPL", reply({**QUOTE, **changed}))
    assert isinstance(tick, Tick)
    return tick.day


# Calls


def test_a_name_is_quoted_in_the_url() -> None:
    """A colon or an ampersand in a name cannot change the URL."""
    calls = QUOTES.calls(["BINANCE:BTCUSDT", "A&B"])

    assert ["symbol=BINANCE%3ABTCUSDT", "symbol=A%26B"] == [
        call.url.partition("?")[2] for call in calls
    ]


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
        assert (symbol, finnhub.POLL.source) == (tick.symbol, tick.source)
        assert tick.day is not None
        assert tick.day.change_percent is not None


def test_quotes_with_a_wrong_key_are_refused(exchange: Exchange) -> None:
    """The answer is a refusal, not an empty quote."""
    keys = Keys({finnhub.KEY.env: "bad-secret"}.__getitem__)
    provider = FinnhubQuote(f"http://127.0.0.1:{exchange.port}/finnhub/api/v1", keys)
    (call,) = provider.calls(["AAPL"])
    with closing(Fetcher()) as fetcher:
        (denied,) = provider.parse(call, fetcher.get(call), ARRIVAL)

    assert isinstance(denied, AccessDenied)
    assert 401 == denied.status
    assert "bad-secret" not in repr(denied)
