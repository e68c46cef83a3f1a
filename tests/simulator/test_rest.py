import itertools
import time
import urllib.parse

import pytest

from simulator.weight import WEIGHT_LIMIT

DAY_KEYS = {
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice",
    "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice",
    "lowPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count",
}  # fmt: skip


def test_the_day_comes_for_one_some_or_all(running) -> None:
    """One symbol gives an object, several a list; MINI has fewer keys."""
    some = urllib.parse.quote('["AAPL","EURUSD"]')
    one = running.get("/api/v3/ticker/24hr?symbol=BTCUSDT")

    assert DAY_KEYS == set(one)
    assert ["AAPL", "EURUSD"] == [
        item["symbol"] for item in running.get(f"/api/v3/ticker/24hr?symbols={some}")
    ]
    assert 4 == len(running.get("/api/v3/ticker/24hr"))
    assert 12 == len(running.get("/api/v3/ticker/24hr?symbol=AAPL&type=MINI"))
    assert float(one["lowPrice"]) <= float(one["lastPrice"]) <= float(one["highPrice"])
    assert float(one["bidPrice"]) < float(one["askPrice"])


def test_klines_have_twelve_columns_oldest_first(running) -> None:
    """The last row is the open bar; start, end and limit choose rows."""
    rows = running.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000")
    start = rows[10][0]
    chosen = running.get(
        f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={start}&endTime={rows[40][0]}&limit=7"
    )
    hours = running.get("/api/v3/klines?symbol=BTCUSDT&interval=1h")

    assert (1000, 12) == (len(rows), len(rows[0]))
    assert {60_000} == {b[0] - a[0] for a, b in itertools.pairwise(rows)}
    assert rows[10:17] == chosen
    assert 24 <= len(hours) <= 25
    assert sum(row[8] for row in rows[:60] if row[0] >= start) > 0
    assert time.time() * 1000 <= rows[-1][6] + 1_000


def test_the_depth_has_the_best_levels_of_both_sides(running) -> None:
    """As many as asked for, the best first."""
    depth = running.get("/api/v3/depth?symbol=AAPL&limit=3")

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
        ("ticker/24hr?symbol=BTCUSDT&colour=red", 400, -1104),
    ],
)
def test_errors_have_binances_codes(running, call: str, status: int, code: int) -> None:
    """And their weight counts all the same."""
    given, body, headers = running.request(f"/api/v3/{call}")

    assert (status, code) == (given, body["code"])
    assert int(headers["X-MBX-USED-WEIGHT-1M"]) > 0


def test_weights_add_up(running) -> None:
    """Every answer has the weight used in this minute."""
    before = int(running.request("/api/v3/ping")[2]["X-MBX-USED-WEIGHT-1M"])
    after = {
        call: int(running.request(f"/api/v3/{call}")[2]["X-MBX-USED-WEIGHT-1M"])
        for call in ("ticker/24hr", "depth?symbol=AAPL&limit=5000")
    }

    assert before == 1
    assert [81, 331] == list(after.values())


def test_beyond_the_weight_limit_calls_are_refused(running) -> None:
    """A 429 has the time to wait."""
    running.request("/api/v3/ping")
    running.server.weight.used = WEIGHT_LIMIT
    status, body, headers = running.request("/api/v3/ping")

    assert (429, -1003) == (status, body["code"])
    assert 0 < int(headers["Retry-After"]) <= 60


def test_unknown_paths_are_404(running) -> None:
    """Other methods are 405."""

    assert 404 == running.request("/api/v3/nosuch")[0]
    assert 404 == running.request("/api/v1/ping")[0]
    assert 405 == running.request("/api/v3/ping", "POST", {})[0]
