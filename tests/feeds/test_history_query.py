import json
import socket
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from omcrm.feeds.history_query import HistoryQuery, HistoryResult, MissingDays
from omcrm.feeds.http_query import HttpQuery
from omcrm.feeds.keys import Keys
from omcrm.feeds.providers.binance.history import BinanceHistory
from omcrm.feeds.providers.coinbase.history import CoinbaseHistory
from omcrm.feeds.providers.coingecko.history import CoinGeckoHistory
from omcrm.feeds.quota import CallCounts
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.source import SIMULATED
from tests.feeds.upstream import Upstream, http

BTC, ETH = CATALOGUE[:2]
DAYS = (date(2026, 1, 4), date(2026, 1, 5))
NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def kline(day: date, close: str = "2") -> list[Any]:
    return [seconds(day) * 1000, "1", "3", "1", close, "5", 0, "0", 1, "0", "0", "0"]


def row(day: date) -> list[Any]:
    return [seconds(day), 1, 3, 1, 2, 5]


class Asked:
    """One upstream for Binance, Coinbase, CoinGecko and the built-in exchange."""

    def __init__(self, folder: Path, **answers: Any) -> None:
        self._folder = folder
        self._answers = answers
        self.requests: list[str] = []

    def _serve(self, client: socket.socket, request: bytes) -> bool:
        self.requests.append(request.decode().split()[1])
        name = self.requests[-1].split("/")[1]
        body = self._answers.get(name, 500)
        status = f"{body} Refused" if isinstance(body, int) else "200 OK"
        client.sendall(http(json.dumps(body).encode(), status))
        return True

    def __call__(self, *missing_days: MissingDays) -> list[HistoryResult]:
        with Upstream(self._serve) as upstream:
            query = HttpQuery(CallCounts(self._folder), Keys(), lambda: NOW, 10)
            providers = {
                "binance": BinanceHistory(f"{upstream.url}/binance"),
                "coinbase": CoinbaseHistory(f"{upstream.url}/coinbase"),
                "coingecko": CoinGeckoHistory(f"{upstream.url}/coingecko", Keys()),
                "simulated": BinanceHistory(f"{upstream.url}/simulated", SIMULATED),
            }
            try:
                return list(HistoryQuery(query, providers).answers(missing_days))
            finally:
                query.close()


def test_without_days_no_call_is_made(tmp_path: Path) -> None:
    """The item still gets a result."""
    asked = Asked(tmp_path)
    (result,) = asked(MissingDays(BTC, ()))

    assert HistoryResult("BTC", (), ()) == result
    assert [] == asked.requests


def test_one_source_is_enough(tmp_path: Path) -> None:
    """Days come in order; days that were not missing are left out."""
    rows = [kline(day) for day in (date(2026, 1, 3), *reversed(DAYS))]
    asked = Asked(tmp_path, binance=rows)
    first, second = asked(MissingDays(BTC, DAYS), MissingDays(ETH, DAYS[1:]))

    assert list(DAYS) == [candle.day for candle in first.candles]
    assert [DAYS[1]] == [candle.day for candle in second.candles]
    assert ((), (), (), ()) == (first.missing, first.problems, second.missing, second.problems)
    assert 2 == len(asked.requests)


def test_the_next_source_has_what_the_first_lacks(tmp_path: Path) -> None:
    """Each day names its source."""
    asked = Asked(tmp_path, binance=[kline(DAYS[0])], coinbase=[row(day) for day in DAYS])
    (result,) = asked(MissingDays(BTC, DAYS))

    assert ["binance", "coinbase"] == [candle.source for candle in result.candles]
    assert () == result.missing


def test_a_failure_is_reported_once_and_costs_one_call(tmp_path: Path) -> None:
    """Every source that was asked has a problem; it is not asked for the next symbol."""
    asked = Asked(tmp_path, binance=500, coinbase=429, coingecko=403, simulated=500)
    results = asked(MissingDays(BTC, DAYS), MissingDays(ETH, DAYS))

    assert 4 == len(asked.requests)
    for result in results:
        assert DAYS == result.missing
        assert ["binance", "coinbase", "coingecko", "simulated"] == [
            problem.partition(":")[0] for problem in result.problems
        ]


def test_an_impossible_bar_is_rejected(tmp_path: Path) -> None:
    """The day stays missing, and the problem names it."""
    asked = Asked(
        tmp_path, binance=[kline(DAYS[0], close="4")], coinbase=[], coingecko=[], simulated=[]
    )
    (result,) = asked(MissingDays(BTC, DAYS[:1]))

    assert () == result.candles
    assert ("binance: its bar of 2026-01-04 was rejected",) == result.problems


def test_simulated_days_never_stand_beside_real_ones(tmp_path: Path) -> None:
    """The built-in exchange is asked only where there is no day of a real source."""
    simulated = [kline(day) for day in DAYS]
    some = Asked(tmp_path, binance=[kline(DAYS[0])], coinbase=[], coingecko=[], simulated=simulated)
    none = Asked(tmp_path, binance=[], coinbase=[], coingecko=[], simulated=simulated)

    assert [DAYS[1:]] == [result.missing for result in some(MissingDays(BTC, DAYS))]
    assert [DAYS] == [result.missing for result in none(MissingDays(BTC, DAYS, has_real=True))]
    (result,) = none(MissingDays(BTC, DAYS))
    assert ["simulated", "simulated"] == [candle.source for candle in result.candles]


def test_no_source_is_asked_beyond_its_reach(tmp_path: Path) -> None:
    """CoinGecko is not asked for a day of last year."""
    asked = Asked(tmp_path, binance=[], coinbase=[])
    (result,) = asked(MissingDays(BTC, (date(2025, 6, 1),)))

    assert not any("coingecko" in request for request in asked.requests)
    assert "coingecko: has no more than 29 days back" in result.limits


def test_a_source_with_some_of_the_days_is_no_failure(tmp_path: Path) -> None:
    """Neither the first time nor when only days beyond its reach are missing."""
    asked = Asked(tmp_path, binance=[], coinbase=[], coingecko=[], simulated=[])
    long_ago = date(2025, 6, 1)
    results = [asked(MissingDays(BTC, days))[0] for days in ((long_ago, DAYS[0]), (long_ago,))]

    assert [(), ()] == [result.problems for result in results]
    assert [1, 1] == [len(result.limits) for result in results]


def test_without_a_source_the_problem_says_so(tmp_path: Path) -> None:
    """Days that are missing for lack of a source are a failure."""
    query = HttpQuery(CallCounts(tmp_path), Keys(), lambda: NOW, 10)
    (result,) = HistoryQuery(query, {}).answers([MissingDays(BTC, DAYS)])
    query.close()

    assert (DAYS, ("no source of it can be asked",)) == (result.missing, result.problems)
