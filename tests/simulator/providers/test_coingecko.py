import json
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.processes import PATIENCE

PATH = "/coingecko/api/v3/simple/price"
ALL = f"{PATH}?ids=bitcoin,polygon-ecosystem-token,apple,bitcoin&vs_currencies=usd"


def trick(running, name: str, **options: Any) -> None:  # type: ignore[no-untyped-def]
    """Start one of CoinGecko's tricks."""
    running.fault("trick", venue="coingecko", name=name, **options)


def test_prices_come_by_id(running) -> None:
    """Only coins, with the market's prices as numbers."""
    prices = running.get(ALL)
    last = running.server.source.listings["BTCUSDT"].trades

    assert {"bitcoin", "polygon-ecosystem-token"} == prices.keys()
    assert {"usd", "last_updated_at", "usd_24h_vol", "usd_24h_change"} == prices["bitcoin"].keys()
    assert Decimal(str(prices["bitcoin"]["usd"])) in [
        Decimal(trade.price) / 10**8 for trade in last
    ]
    assert 0 <= time.time() - prices["bitcoin"]["last_updated_at"] < PATIENCE
    assert prices["bitcoin"]["usd_24h_vol"] > 0


def test_prices_are_numbers(running) -> None:
    """Prices are written as JSON numbers."""
    body = running.request(ALL)[1]

    assert all(isinstance(coin["usd"], int | float) for coin in body.values())


def test_unknown_ids_are_left_out(running) -> None:
    """Unknown ids are no error; without known ids the answer is empty."""
    assert {} == running.get(f"{PATH}?ids=dogecoin,,BTC,matic-network&vs_currencies=usd")


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
def test_wrong_calls(running, path: str, status: int) -> None:
    """A wrong path and a missing parameter have different errors."""
    assert status == running.request(path)[0]


def test_there_is_no_websocket(running) -> None:
    """CoinGecko is polled over HTTP only."""
    with pytest.raises(Exception, match="404"):
        running.connect("/coingecko")


def test_an_id_is_missing(running) -> None:
    """A dead coin is left out of a success."""
    trick(running, "missing")

    assert 1 == len(running.get(ALL))
    running.clear()
    assert 2 == len(running.get(ALL))


def test_a_price_is_null(running) -> None:
    """A coin is there without a price."""
    trick(running, "null")

    assert {None} == {coin["usd"] for coin in running.get(ALL).values()}


def test_prices_are_old(running) -> None:
    """The time of a price shows its age."""
    trick(running, "old", amount=600)

    assert all(
        600 <= time.time() - coin["last_updated_at"] < 600 + PATIENCE
        for coin in running.get(ALL).values()
    )


def test_throttled(running) -> None:
    """Too many calls are refused in plain text."""
    trick(running, "throttled")

    assert (429, b"Throttled") == running.request(ALL)[:2]
    assert [200, 200] == [running.request(name)[0] for name in ("/api/v3/ping", "/control")]


def test_refused(running) -> None:
    """The fault `refuse` applies to HTTP, too, with the time to wait."""
    running.fault("refuse", venue="coingecko", status=429, retry_after=7)
    status, body, headers = running.request(ALL)

    assert (429, "7") == (status, headers["Retry-After"])
    assert json.dumps(body)
    assert 200 == running.request("/api/v3/ping")[0]


def test_answers_are_counted(running) -> None:
    """`GET /control` counts the calls."""
    before = running.get("/control")["venues"]["coingecko"]["http_answers"]
    for path in (ALL, PATH, "/api/v3/ping"):
        running.request(path)

    assert 2 == running.get("/control")["venues"]["coingecko"]["http_answers"] - before
