import json
import socket
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from omcrm.feeds.histories.binance import BinanceHistory
from omcrm.feeds.histories.coinbase import CoinbaseHistory
from omcrm.feeds.histories.coingecko import CoinGeckoHistory
from omcrm.feeds.history_query import HistoryQuery, HistoryResult, MissingDays
from omcrm.feeds.http_query import HttpQuery
from omcrm.feeds.keys import Keys
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
    """An upstream that is Binance, Coinbase, CoinGecko and the built-in exchange."""

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

    def __call__(self, *wishes: MissingDays) -> list[HistoryResult]:
        with Upstream(self._serve) as upstream:
            query = HttpQuery(CallCounts(self._folder), Keys(), lambda: NOW, 10)
            providers = {
                "binance": BinanceHistory(f"{upstream.url}/binance"),
                "coinbase": CoinbaseHistory(f"{upstream.url}/coinbase"),
                "coingecko": CoinGeckoHistory(f"{upstream.url}/coingecko", Keys()),
                "simulated": BinanceHistory(f"{upstream.url}/simulated", SIMULATED),
            }
            try:
                return list(HistoryQuery(query, providers).answers(wishes))
            finally:
                query.close()


def test_nobody_is_asked_for_no_days(tmp_path: Path) -> None:
    """Each wish has its answer all the same."""
    asked = Asked(tmp_path)
    (found,) = asked(MissingDays(BTC, ()))

    assert HistoryResult("BTC", (), ()) == found
    assert [] == asked.requests


def test_one_source_is_enough(tmp_path: Path) -> None:
    """Days come in order, those that were known already are left out."""
    rows = [kline(day) for day in (date(2026, 1, 3), *reversed(DAYS))]
    asked = Asked(tmp_path, binance=rows)
    first, second = asked(MissingDays(BTC, DAYS), MissingDays(ETH, DAYS[1:]))

    assert list(DAYS) == [candle.day for candle in first.candles]
    assert [DAYS[1]] == [candle.day for candle in second.candles]
    assert ((), (), (), ()) == (first.missing, first.problems, second.missing, second.problems)
    assert 2 == len(asked.requests)


def test_the_next_source_has_what_the_first_has_not(tmp_path: Path) -> None:
    """Each day says who told it."""
    asked = Asked(tmp_path, binance=[kline(DAYS[0])], coinbase=[row(day) for day in DAYS])
    (found,) = asked(MissingDays(BTC, DAYS))

    assert ["binance", "coinbase"] == [candle.source for candle in found.candles]
    assert () == found.missing


def test_a_failure_is_told_once_and_costs_one_call(tmp_path: Path) -> None:
    """Every source that was asked has its sentence; the next symbol would fail alike."""
    asked = Asked(tmp_path, binance=500, coinbase=429, coingecko=403, simulated=500)
    told = asked(MissingDays(BTC, DAYS), MissingDays(ETH, DAYS))

    assert 4 == len(asked.requests)
    for found in told:
        assert DAYS == found.missing
        assert ["binance", "coinbase", "coingecko", "simulated"] == [
            problem.partition(":")[0] for problem in found.problems
        ]


def test_what_cannot_have_been_is_not_believed(tmp_path: Path) -> None:
    """The day is still missing, and it is said why."""
    asked = Asked(
        tmp_path, binance=[kline(DAYS[0], close="4")], coinbase=[], coingecko=[], simulated=[]
    )
    (found,) = asked(MissingDays(BTC, DAYS[:1]))

    assert () == found.candles
    assert ("binance: what it told of 2026-01-04 was not believed",) == found.problems


def test_invented_days_never_stand_beside_real_ones(tmp_path: Path) -> None:
    """The built-in exchange is asked only where no real source ever told a day."""
    simulated = [kline(day) for day in DAYS]
    some = Asked(tmp_path, binance=[kline(DAYS[0])], coinbase=[], coingecko=[], simulated=simulated)
    none = Asked(tmp_path, binance=[], coinbase=[], coingecko=[], simulated=simulated)

    assert [DAYS[1:]] == [result.missing for result in some(MissingDays(BTC, DAYS))]
    assert [DAYS] == [result.missing for result in none(MissingDays(BTC, DAYS, has_real=True))]
    (found,) = none(MissingDays(BTC, DAYS))
    assert ["simulated", "simulated"] == [candle.source for candle in found.candles]


def test_nobody_is_asked_beyond_his_reach(tmp_path: Path) -> None:
    """CoinGecko does not tell of last year."""
    asked = Asked(tmp_path, binance=[], coinbase=[])
    (found,) = asked(MissingDays(BTC, (date(2025, 6, 1),)))

    assert not any("coingecko" in request for request in asked.requests)
    assert "coingecko: tells no more than 29 days back" in found.limits


def test_a_source_that_tells_some_of_the_days_is_no_failure(tmp_path: Path) -> None:
    """Neither the first time nor when only what is beyond its reach is left."""
    asked = Asked(tmp_path, binance=[], coinbase=[], coingecko=[], simulated=[])
    long_ago = date(2025, 6, 1)
    found = [asked(MissingDays(BTC, days))[0] for days in ((long_ago, DAYS[0]), (long_ago,))]

    assert [(), ()] == [result.problems for result in found]
    assert [1, 1] == [len(answer.limits) for answer in found]


def test_where_nobody_can_be_asked_that_is_said(tmp_path: Path) -> None:
    """What is missing for want of a source is a failure."""
    query = HttpQuery(CallCounts(tmp_path), Keys(), lambda: NOW, 10)
    (found,) = HistoryQuery(query, {}).answers([MissingDays(BTC, DAYS)])
    query.close()

    assert (DAYS, ("no source of it can be asked",)) == (found.missing, found.problems)
