import json
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.processes import PATIENCE

PATH = "/coingecko/api/v3/simple/price"
ALL = f"{PATH}?ids=bitcoin,polygon-ecosystem-token,apple,bitcoin&vs_currencies=usd"


def trick(market, name: str, **options: Any) -> None:  # type: ignore[no-untyped-def]
    """Let CoinGecko play a trick."""
    market.fault("trick", venue="coingecko", name=name, **options)


def test_tells_prices_by_id(market) -> None:
    """Coins only, each once, the prices as numbers and those of the market."""
    prices = market.get(ALL)
    last = market.exchange.source.listings["BTCUSDT"].trades

    assert {"bitcoin", "polygon-ecosystem-token"} == prices.keys()
    assert {"usd", "last_updated_at", "usd_24h_vol", "usd_24h_change"} == prices["bitcoin"].keys()
    assert Decimal(str(prices["bitcoin"]["usd"])) in [
        Decimal(trade.price) / 10**8 for trade in last
    ]
    assert 0 <= time.time() - prices["bitcoin"]["last_updated_at"] < PATIENCE
    assert prices["bitcoin"]["usd_24h_vol"] > 0


def test_numbers_are_no_texts(market) -> None:
    """Prices are written as JSON numbers."""
    body = market.request(ALL)[1]

    assert all(isinstance(coin["usd"], int | float) for coin in body.values())


def test_what_is_unknown_is_left_out(market) -> None:
    """Unknown ids are no error, and nothing known is nothing."""
    assert {} == market.get(f"{PATH}?ids=dogecoin,,BTC,matic-network&vs_currencies=usd")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/coingecko", 404),
        ("/coingecko/", 404),
        ("/coingecko/api/v3/ping", 404),
        ("/coingeckos/api/v3/simple/price", 404),
        (PATH, 422),
        (f"{PATH}?ids=bitcoin", 422),
        (f"{PATH}?vs_currencies=usd", 422),
        (f"{PATH}?ids=bitcoin&vs_currencies=usd", 200),
    ],
)
def test_wrong_calls(market, path: str, status: int) -> None:
    """A wrong path and a missing parameter are told apart."""
    assert status == market.request(path)[0]


def test_there_is_no_websocket(market) -> None:
    """CoinGecko is asked over HTTP only."""
    with pytest.raises(Exception, match="404"):
        market.connect("/coingecko")


def test_an_id_is_missing(market) -> None:
    """A dead coin is left out of a success."""
    trick(market, "missing")

    assert 1 == len(market.get(ALL))
    market.clear()
    assert 2 == len(market.get(ALL))


def test_a_price_is_null(market) -> None:
    """A coin is there without a price."""
    trick(market, "null")

    assert {None} == {coin["usd"] for coin in market.get(ALL).values()}


def test_prices_are_old(market) -> None:
    """The time of a price says how old it is."""
    trick(market, "old", amount=600)

    assert all(
        600 <= time.time() - coin["last_updated_at"] < 600 + PATIENCE
        for coin in market.get(ALL).values()
    )


def test_throttled(market) -> None:
    """Too many calls are refused in plain text."""
    trick(market, "throttled")

    assert (429, b"Throttled") == market.request(ALL)[:2]
    assert [200, 200] == [market.request(name)[0] for name in ("/api/v3/ping", "/control")]


def test_refused(market) -> None:
    """The fault that refuses is for HTTP too, with the time to wait."""
    market.fault("refuse", venue="coingecko", status=429, retry_after=7)
    status, body, headers = market.request(ALL)

    assert (429, "7") == (status, headers["Retry-After"])
    assert json.dumps(body)
    assert 200 == market.request("/api/v3/ping")[0]


def test_answers_are_counted(market) -> None:
    """The exchange says how often it was asked."""
    before = market.get("/control")["venues"]["coingecko"]["http_answers"]
    for path in (ALL, PATH, "/api/v3/ping"):
        market.request(path)

    assert 2 == market.get("/control")["venues"]["coingecko"]["http_answers"] - before
