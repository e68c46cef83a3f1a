"""Every dialect and route answers any spelling of a symbol as its canonical one."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
import requests

from omcrm.market.catalogue import CATALOGUE
from omcrm.pricing.command import _chosen
from tests.gateways.conftest import FEED, serve
from tests.gateways.enveloped import REALTIME, Enveloped, hold
from tests.gateways.here import Make, Served
from tests.processes import PATIENCE, Browser

__all__ = ["serve"]

SYMBOLS = [instrument.symbol for instrument in CATALOGUE]
SPACES = ("", " ", "  ", "\t", "\n")
SCOPES = ("market:read", "prices:update", "portfolio:read", "portfolio:write")

Ask = Callable[[list[str]], Any]


def misspelled(symbol: str) -> str:
    """The symbol in random case with spaces around it."""
    letters = (random.choice((letter.lower(), letter.upper())) for letter in symbol)
    return random.choice(SPACES) + "".join(letters) + random.choice(SPACES)


@pytest.fixture
def here(serve: Make) -> Served:
    """An app with a high connection limit."""
    return serve(WEBSOCKET_COMPRESSION="false", MAX_CONNECTIONS_PER_USER="50")


@contextmanager
def questions(here: Served) -> Iterator[dict[str, Ask]]:
    """Every request about symbols, as a function from their spellings to the answers."""
    user = here.create_user()
    token = here.token(user, SCOPES)
    session = Browser(here.base)
    session.http.cookies.set("omcrm_session", here.session(user).partition("=")[2])
    portfolio = hold(here, user, **dict.fromkeys(SYMBOLS, "1"))
    holdings = f"/api/v1/portfolios/{portfolio}/holdings"
    figures = {"quantity": 1, "average_cost": 2}

    def http(method: str, path: str, **options: Any) -> Any:
        answer = requests.request(
            method, here.base + path, headers={"x-api-key": token}, timeout=PATIENCE, **options
        )
        return answer.status_code, {**answer.json(), "version": 0}

    def get(path: str) -> Ask:
        return lambda symbols: [http("GET", path + quote(symbol)) for symbol in symbols]

    def page(path: str) -> Ask:
        return lambda symbols: [
            (answer.status_code, answer.json())
            for answer in (session.get(path + quote(symbol)) for symbol in symbols)
        ]

    def desk(symbols: list[str]) -> Any:
        with session.desk() as opened:
            subscribed = opened.call("subscribe_to_instruments", {"symbols": symbols})
            ended = opened.call("unsubscribe_from_instruments", {"symbols": symbols})
            history = [opened.call("get_price_history", {"symbol": symbol}) for symbol in symbols]
        return subscribed["instruments"], subscribed["rejected"], ended, history

    def feed(symbols: list[str]) -> Any:
        with here.connect(FEED, token) as opened:
            subscribed = opened.ask({"action": "subscribe", "symbols": symbols, "history": 1})
            ended = opened.ask({"action": "unsubscribe", "symbols": symbols})
        return subscribed, ended

    def realtime(symbols: list[str]) -> Any:
        with Enveloped.open(here.port, REALTIME, f"x-api-key: {token}") as opened:
            opened.receive_until("connection")
            confirmed = [opened.answer("subscribe_asset", symbol=symbol) for symbol in symbols]
        with Enveloped.open(here.port, REALTIME, f"x-api-key: {token}") as opened:
            opened.receive_until("connection")
            prices = [opened.answer("get_asset_price", symbol=symbol)[1] for symbol in symbols]
        return confirmed, [(price["symbol"], price["last_price"]) for price in prices]

    def short_quotes(symbols: list[str]) -> Any:
        with here.connect("/quotes", token) as opened:
            opened.send(",".join(symbols))
            return [row for row in opened.receive() if "metadata" not in row]

    def profile(symbols: list[str]) -> Any:
        answers = []
        for symbol in symbols:
            with here.connect(f"/profile/{quote(symbol)}", token) as opened:
                answers.append({**opened.receive(), "metadata": None})
        return answers

    yield {
        "desk": desk,
        "feed": feed,
        "realtime": realtime,
        "quotes": short_quotes,
        "profile": profile,
        "realtime_price": page("/webtrader/realtime_price/"),
        "chart_data": page("/webtrader/chart_data/"),
        "holding page": lambda symbols: [
            session.get(f"/portfolio/{portfolio}?holding={quote(symbol)}").status_code
            for symbol in symbols[:3]
        ],
        "quote": get("/api/v1/market/quote/"),
        "news": get("/api/v1/news?symbol="),
        "several": lambda symbols: http("POST", "/api/v1/market/quotes", json={"symbols": symbols}),
        "holding": lambda symbols: [
            http("PUT", f"{holdings}/{quote(symbol)}", json=figures) for symbol in symbols[:3]
        ],
        "new holding": lambda symbols: [
            http("POST", holdings, json={"symbol": symbol, **figures}) for symbol in symbols[:3]
        ],
    }


QUESTIONS = (
    "desk",
    "feed",
    "realtime",
    "quotes",
    "profile",
    "realtime_price",
    "chart_data",
    "quote",
    "news",
    "several",
    "holding page",
    "holding",
    "new holding",
)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_spelling_is_known(here: Served, name: str) -> None:
    """Case and spaces around a symbol change no answer; the answer has the canonical spelling."""
    spellings = [misspelled(symbol) for symbol in SYMBOLS]
    with questions(here) as asked:
        assert set(QUESTIONS) == set(asked)
        canonical, answer = asked[name](SYMBOLS), asked[name](spellings)

    assert canonical == answer, spellings


def test_unknown_symbols_are_named_in_the_canonical_spelling(here: Served) -> None:
    """Every dialect and route names an unknown symbol alike."""
    with questions(here) as asked:
        names = ("realtime_price", "chart_data", "quote", "several", "news", "new holding")
        answers = {name: json.dumps(asked[name]([" nope "])) for name in names}
    with here.connect(FEED) as feed:
        refusal = feed.ask({"action": "subscribe", "symbols": ["nope", " NOPE"]})

    assert ["NOPE"] == refusal["symbols"]
    assert [] == [name for name, answer in answers.items() if "NOPE" not in answer]
    assert [] == [name for name, answer in answers.items() if "nope" in answer]


def test_spellings_of_one_instrument_are_one_subscription(here: Served) -> None:
    """Spellings and the id of an instrument count as one; an unknown one is named a single time."""
    session = Browser(here.base)
    cookie = here.session(here.create_user()).partition("=")[2]
    session.http.cookies.set("omcrm_session", cookie)
    bitcoin = here.market.instruments["BTC"].id
    with session.desk() as page:
        asked = {"symbols": ["btc", " BTC ", "Btc", "nope", "NOPE"], "instrument_ids": [bitcoin]}
        answer = page.call("subscribe_to_instruments", asked)

    assert ["BTC"] == [brief["symbol"] for brief in answer["instruments"]]
    assert [{"symbol": "NOPE", "code": "UNKNOWN_SYMBOL"}] == answer["rejected"]


def test_spellings_of_one_instrument_are_fetched_together(here: Served) -> None:
    """A forced update of several spellings fetches each instrument a single time."""
    asked = [misspelled(symbol) for symbol in SYMBOLS for _ in range(2)]
    answer = requests.post(
        f"{here.base}/api/realtime/force_price_update/",
        json={"symbols": asked},
        headers={"x-api-key": here.token(scopes=SCOPES)},
        timeout=PATIENCE,
    ).json()

    concerned = [outcome["symbol"] for outcome in (*answer["updated"], *answer["failed"])]
    assert sorted(SYMBOLS) == sorted(concerned)


def test_the_command_accepts_every_spelling(here: Served) -> None:
    """`update_asset_prices --symbols` reads symbols like every other interface."""
    with here.app.app_context():
        chosen = _chosen([misspelled(symbol) for symbol in SYMBOLS for _ in range(2)])

    assert SYMBOLS == [instrument.symbol for instrument in chosen]


def test_letters_of_other_alphabets_are_no_spelling(here: Served) -> None:
    """A symbol that only Unicode's capitals would make one (`ſol`, `ﬁ`) is unknown."""
    with here.connect(FEED) as feed:
        answer = feed.ask({"action": "subscribe", "symbols": ["ſol"]})

    assert "UNKNOWN_SYMBOL" == answer["code"]
