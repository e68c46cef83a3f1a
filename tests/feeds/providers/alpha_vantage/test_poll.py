from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers.alpha_vantage import KEY, POLL
from omcrm.feeds.providers.alpha_vantage.poll import AlphaVantage
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import DayFigures, Tick, Trade
from tests.feeds.samples import reply
from tests.values import START

SECRET = "ABCD1234EFGH5678"
QUOTE = {
    "01. symbol": "IBM",
    "02. open": "251.5100",
    "03. high": "251.9200",
    "04. low": "249.5100",
    "05. price": "250.7600",
    "06. volume": "3932222",
    "07. latest trading day": "2026-01-05",
    "08. previous close": "250.4350",
    "09. change": "0.3250",
    "10. change percent": "0.1298%",
}
BURST = (
    "Please consider spreading out your free API requests more sparingly (1 request per second). "
    "You may subscribe to any of the premium plans to lift the free key rate limit (25 requests "
    "per day), raise the per-second burst limit, and instantly unlock all premium endpoints"
)
LIMIT = (
    f"We have detected your API key as {SECRET} and our standard API rate limit is 25 requests per "
    "day. Please subscribe to any of the premium plans to instantly remove all daily rate limits."
)


def provider(key: str = SECRET) -> AlphaVantage:
    return AlphaVantage("http://127.0.0.1:9", Keys(lambda name: key if name == KEY.env else ""))


def parse(body: Any, status: int = 200, at: datetime = START) -> list[Event]:
    """The events in a reply while IBM is followed."""
    asked = provider()
    (call,) = asked.calls(["IBM"])
    return list(asked.parse(call, reply(body, status), FrameContext(at, 1, {"IBM": "IBM"})))


# Calls


def test_asks_for_one_share_a_call() -> None:
    """Each share costs one of the day's calls."""
    calls = provider().calls(["IBM", "BRK.B"])

    assert [("IBM",), ("BRK.B",)] == [call.names for call in calls]
    assert (
        f"http://127.0.0.1:9/query?function=GLOBAL_QUOTE&symbol=IBM&apikey={SECRET}" == calls[0].url
    )


def test_without_a_key_it_is_not_asked() -> None:
    """The missing setting is named, and is read anew each time."""
    given = {KEY.env: ""}
    asked = AlphaVantage("http://127.0.0.1:9", Keys(lambda name: given[name]))

    assert KEY.env == asked.missing()

    given[KEY.env] = SECRET

    assert asked.missing() is None
    assert SECRET == asked.api_key()


def test_a_name_cannot_change_the_question() -> None:
    """A name is quoted in the URL."""
    (call,) = provider().calls(["A&apikey=x#"])

    assert call.url.endswith(f"symbol=A%26apikey%3Dx%23&apikey={SECRET}")


def test_the_budget_is_that_of_the_free_plan() -> None:
    """25 calls a day, and five a minute."""
    budgets = {budget.period: budget.calls for budget in provider().limits.budgets}

    assert {"day": 25, "minute": 5} == budgets
    assert 3600 <= provider().limits.interval


# Prices


def test_a_quote_is_the_last_trading_day() -> None:
    """Its price and figures have the time of the close; it must not fill orders."""
    close = datetime(2026, 1, 5, 21, 0, tzinfo=UTC)
    day = DayFigures(
        open=Decimal("251.51"),
        high=Decimal("251.92"),
        low=Decimal("249.51"),
        volume=Decimal(3932222),
        change_percent=Decimal("0.1298"),
        time=close,
    )
    trade = Trade(Decimal("250.76"), time=close)

    assert [Tick("IBM", POLL.source, START, 1, trade=trade, day=day)] == parse(
        {"Global Quote": QUOTE}
    )
    assert PriceClass.INDICATIVE is POLL.source.claim


def test_a_close_in_summer_is_an_hour_earlier() -> None:
    """New York has daylight saving time."""
    quote = {**QUOTE, "07. latest trading day": "2026-07-06"}
    (tick,) = parse({"Global Quote": quote}, at=datetime(2026, 7, 7, tzinfo=UTC))

    assert datetime(2026, 7, 6, 20, 0, tzinfo=UTC) == tick.trade.time


def test_a_day_that_is_not_over_has_no_close() -> None:
    """A price is not newer than its receipt."""
    during = datetime(2026, 1, 5, 16, 0, tzinfo=UTC)
    (tick,) = parse({"Global Quote": QUOTE}, at=during)

    assert during == tick.trade.time == tick.day.time


@pytest.mark.parametrize("change", ["-12.5000%", "-12.5"])
def test_a_loss_is_negative(change: str) -> None:
    """The sign of a change is kept, whether there is a percent sign or not."""
    (tick,) = parse({"Global Quote": {**QUOTE, "10. change percent": change}})

    assert Decimal("-12.5") == tick.day.change_percent


def test_missing_figures_are_none() -> None:
    """Figures that are not in the answer stay None."""
    quote = {key: QUOTE[key] for key in QUOTE if key not in ("02. open", "06. volume")}
    (tick,) = parse({"Global Quote": quote})

    assert (None, None) == (tick.day.open, tick.day.volume)
    assert Decimal("251.92") == tick.day.high


@pytest.mark.parametrize("field", [key for key in QUOTE if key[:2] not in ("08", "09")])
@pytest.mark.parametrize("wrong", [None, 250, {}, [], "None", True])
def test_a_figure_of_another_type_is_unreadable(field: str, wrong: Any) -> None:
    """Every figure is a JSON string of a number; another type or text makes no price."""
    events = parse({"Global Quote": {**QUOTE, field: wrong}})
    # "None" in place of a ticker is an unknown ticker.
    expected = [] if (field, wrong) == ("01. symbol", "None") else [Unreadable]

    assert expected == [type(event) for event in events]


def test_a_share_that_is_not_known_is_nothing() -> None:
    """An empty quote is neither a price nor an error."""
    assert [] == parse({"Global Quote": {}})


@pytest.mark.parametrize("body", [{}, [], "x", None, {"Meta Data": {}}, b"symbol,open\r\n"])
def test_another_answer_is_unreadable(body: Any) -> None:
    """An answer without a quote is not read as a quote without a price."""
    (event,) = parse(body)

    assert isinstance(event, Unreadable)


# Refusals, which come with 200


@pytest.mark.parametrize("field", ["Information", "Note"])
def test_when_the_day_is_used_up_the_next_is_waited_for(field: str) -> None:
    """The refusal lasts until the next day of UTC."""
    (event,) = parse({field: LIMIT})

    assert isinstance(event, AccessDenied)
    assert (429, 9 * 3600.0) == (event.status, event.retry_after)


def test_a_burst_does_not_use_up_the_day() -> None:
    """The text of that refusal also names the day's limit and the premium plans."""
    assert [AccessDenied(429, BURST[:200])] == parse({"Information": BURST})


def test_five_a_minute_is_no_day() -> None:
    """The former text of that refusal does not use up the day either."""
    note = "Our standard API call frequency is 5 calls per minute and 500 calls per day."

    assert [AccessDenied(429, note)] == parse({"Note": note})


def test_a_key_in_a_refusal_is_hidden() -> None:
    """Alpha Vantage repeats the key; neither it nor half of it is in the message."""
    for length in range(150, 200):
        for event in (
            *parse({"Information": "x" * length + LIMIT}),
            *parse({"Error Message": "x" * length + SECRET}),
            *parse(b"x" * length + SECRET.encode(), 500),
        ):
            assert SECRET[:4] not in event.message


@pytest.mark.parametrize(
    ("field", "refusal", "event"),
    [
        ("Information", "This is a premium endpoint.", AccessDenied),
        ("Information", "The **demo** API key is for demo purposes only.", AccessDenied),
        ("Information", "Something else.", RequestRejected),
        ("Error Message", "Invalid API call. 25 per day", RequestRejected),
        ("Error Message", "the parameter apikey is invalid or missing.", AccessDenied),
    ],
)
def test_a_refusal_is_classified_by_its_text(field: str, refusal: str, event: type) -> None:
    """Denied access is distinguished from a refusal of this share."""
    status = {"This": 403, "The ": 401, "the ": 401}.get(refusal[:4], 400)

    assert [event(status, refusal)] == parse({field: refusal})


def test_a_refusal_is_no_price_whatever_else_is_there() -> None:
    """A note beside a quote prevails."""
    assert [429] == [event.status for event in parse({"Global Quote": QUOTE, "Note": LIMIT})]


def test_words_that_are_none_are_unreadable() -> None:
    """The text of a refusal is a JSON string."""
    assert [Unreadable] == [type(event) for event in parse({"Note": {"per": "day"}})]
