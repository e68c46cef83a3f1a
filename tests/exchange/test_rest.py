import itertools
import urllib.parse

import pytest

from omcrm.exchange.weight import WEIGHT_LIMIT

DAY_KEYS = {
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice",
    "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice",
    "lowPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count",
}  # fmt: skip


def test_exchange_info_describes_the_symbols(market) -> None:
    """Status, assets, ticks and permission sets, for one symbol or all."""
    info = market.get("/api/v3/exchangeInfo?symbol=POLUSDT")
    symbol = info["symbols"][0]

    assert ("POLUSDT", "TRADING", "POL", "USDT") == (
        symbol["symbol"], symbol["status"], symbol["baseAsset"], symbol["quoteAsset"],
    )  # fmt: skip
    assert "0.00010000" == symbol["filters"][0]["tickSize"]
    assert ([], [["SPOT"]]) == (symbol["permissions"], symbol["permissionSets"])
    assert 4 == len(market.get("/api/v3/exchangeInfo")["symbols"])
    assert 6000 == info["rateLimits"][0]["limit"]


def test_the_day_comes_for_one_some_or_all(market) -> None:
    """One symbol gives an object, several a list; MINI has fewer keys."""
    some = urllib.parse.quote('["AAPL","EURUSD"]')
    one = market.get("/api/v3/ticker/24hr?symbol=BTCUSDT")

    assert DAY_KEYS == set(one)
    assert ["AAPL", "EURUSD"] == [
        item["symbol"] for item in market.get(f"/api/v3/ticker/24hr?symbols={some}")
    ]
    assert 4 == len(market.get("/api/v3/ticker/24hr"))
    assert 12 == len(market.get("/api/v3/ticker/24hr?symbol=AAPL&type=MINI"))
    assert float(one["lowPrice"]) <= float(one["lastPrice"]) <= float(one["highPrice"])
    assert float(one["bidPrice"]) < float(one["askPrice"])


def test_klines_have_twelve_columns_oldest_first(market) -> None:
    """The last row is the open candle; start, end and limit choose rows."""
    rows = market.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000")
    start = rows[10][0]
    chosen = market.get(
        f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={start}&endTime={rows[40][0]}&limit=7"
    )
    hours = market.get("/api/v3/klines?symbol=BTCUSDT&interval=1h")

    assert (1000, 12) == (len(rows), len(rows[0]))
    assert {60_000} == {b[0] - a[0] for a, b in itertools.pairwise(rows)}
    assert rows[10:17] == chosen
    assert 24 <= len(hours) <= 25
    assert sum(row[8] for row in rows[:60] if row[0] >= start) > 0
    assert market.get("/api/v3/time")["serverTime"] <= rows[-1][6] + 1_000


def test_prices_quotes_trades_and_depth(market) -> None:
    """The smaller calls have their documented shapes."""
    trades = market.get("/api/v3/trades?symbol=AAPL&limit=5")
    depth = market.get("/api/v3/depth?symbol=AAPL&limit=3")

    assert {"symbol", "price"} == set(market.get("/api/v3/ticker/price?symbol=AAPL"))
    assert {"symbol", "bidPrice", "bidQty", "askPrice", "askQty"} == set(
        market.get("/api/v3/ticker/bookTicker")[0]
    )
    assert {"id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"} == set(
        trades[0]
    )
    assert 3 == len(depth["bids"]) == len(depth["asks"])
    assert depth["bids"][0][0] < depth["asks"][0][0]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("klines?symbol=NOSUCH&interval=1m", 400, -1121),
        ("klines?symbol=BTCUSDT&interval=7m", 400, -1120),
        ("klines?symbol=BTCUSDT", 400, -1102),
        ("klines?interval=1m", 400, -1102),
        ("depth?symbol=btcusdt", 400, -1100),
        ("depth?symbol=BTCUSDT&limit=x", 400, -1100),
        ("ticker/24hr?symbol=BTCUSDT&type=TINY", 400, -1139),
        ("ticker/price?symbol=BTCUSDT&colour=red", 400, -1104),
    ],
)
def test_errors_have_binances_codes(market, call: str, status: int, code: int) -> None:
    """Each mistake is answered with its code, and its weight counts all the same."""
    given, body, headers = market.request(f"/api/v3/{call}")

    assert (status, code) == (given, body["code"])
    assert int(headers["X-MBX-USED-WEIGHT-1M"]) > 0


def test_weights_add_up(market) -> None:
    """Every call says how much of the minute's weight is used."""
    before = int(market.request("/api/v3/ping")[2]["X-MBX-USED-WEIGHT-1M"])
    after = {
        call: int(market.request(f"/api/v3/{call}")[2]["X-MBX-USED-WEIGHT-1M"])
        for call in ("ticker/24hr", "depth?symbol=AAPL&limit=5000", "exchangeInfo")
    }

    assert before == 1
    assert [81, 331, 351] == list(after.values())


def test_beyond_the_weight_limit_calls_are_refused(market) -> None:
    """A 429 says how long to wait."""
    market.request("/api/v3/ping")
    market.exchange.weight.used = WEIGHT_LIMIT
    status, body, headers = market.request("/api/v3/ping")

    assert (429, -1003) == (status, body["code"])
    assert 0 < int(headers["Retry-After"]) <= 60


def test_what_is_not_there_is_not_found(market) -> None:
    """Unknown paths are 404, other methods 405."""

    assert 404 == market.request("/api/v3/nosuch")[0]
    assert 404 == market.request("/api/v1/ping")[0]
    assert 405 == market.request("/api/v3/ping", "POST", {})[0]
