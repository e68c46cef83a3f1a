"""Currencies stream from the built-in exchange's venues into the product, over real sockets."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from omcrm.child import ExchangeProcess
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote
from omcrm.market.session import Calendar, is_open
from omcrm.portfolio.valuation import value
from omcrm.webtrader.realtime_data import RealTimeDataManager
from simulator.drill.setup import opening_shift, urls
from tests.portfolio.own import held, portfolio
from tests.processes import wait_for
from tests.values import START

pytestmark = pytest.mark.outside

PAIRS = [item for item in CATALOGUE if item.asset_class is AssetClass.FOREX]
SYMBOLS = {item.symbol for item in PAIRS}
NO_KEY, ANY_KEY = Keys(lambda name: ""), Keys(lambda name: "a-key-of-the-test")
LIVE, CLOSED, INDICATIVE = PriceClass.LIVE, PriceClass.CLOSED, PriceClass.INDICATIVE
REFUSED, CUT = {"fault": "refuse", "status": 503}, {"fault": "cut", "how": "rst"}


class Feeds:
    """The product's feeds of currencies, and the exchange that they are connected to."""

    def __init__(self, url: str, manager: RealTimeDataManager) -> None:
        self._url = url.replace("ws://", "http://")
        self.manager = manager

    def sources(self, price_class: PriceClass) -> dict[str, str]:
        """The source of each symbol whose price has this class now."""
        quotes = self.manager.cache.snapshot().values()
        return {
            quote.symbol: quote.source.name for quote in quotes if quote.price_class is price_class
        }

    def wait_for(self, expected: dict[str, str], price_class: PriceClass = LIVE) -> None:
        wait_for(
            lambda: self.sources(price_class) == expected,
            what=f"{price_class} prices of {set(expected.values())}",
        )

    def play(self, venue: str, *faults: dict[str, object]) -> None:
        for fault in faults:
            body = json.dumps({**fault, "venue": venue}).encode()
            urllib.request.urlopen(f"{self._url}/control/faults", body).close()

    def clear(self) -> None:
        request = urllib.request.Request(f"{self._url}/control/faults", method="DELETE")
        urllib.request.urlopen(request).close()


@contextmanager
def feeds_of(
    folder: Path, *sources: str, keys: Keys = NO_KEY, shift: timedelta | None = None
) -> Iterator[Feeds]:
    """The feeds of these sources; the market is open unless the clock is shifted otherwise."""
    if shift is None:
        shift = opening_shift(PAIRS, datetime.now(UTC))
    exchange = ExchangeProcess("--ahead", str(shift.total_seconds()))
    url = exchange.start()
    addresses = {name: url for name, url in urls(url).items() if name in sources}
    settings = FeedSettings(urls=addresses, keys=keys)
    manager = RealTimeDataManager(settings, clock=lambda: datetime.now(UTC) + shift, state=folder)
    manager.follow(PAIRS)
    manager.start()
    try:
        yield Feeds(url, manager)
    finally:
        manager.stop()
        exchange.stop()


def from_kraken(others: str = "") -> dict[str, str]:
    """Its seven pairs, and the eighth where another source has it."""
    rest = {"NZDUSD": others} if others else {}
    return {**dict.fromkeys(SYMBOLS - {"NZDUSD"}, "kraken"), **rest}


def test_seven_pairs_are_live_without_a_key(tmp_path: Path) -> None:
    """By the mids of Kraken's books, and so are their bars and the rates of portfolios; the eighth
    has its reference rate."""
    sources = ("kraken", "exchangerate_api", "exchangerate_open", "finnhub", "massive_forex")
    with feeds_of(tmp_path, *sources) as feeds:
        feeds.wait_for(from_kraken())
        feeds.wait_for({"NZDUSD": "exchangerate_api"}, INDICATIVE)
        feeds.wait_for(from_kraken())
        quotes = feeds.manager.cache.snapshot()
        bars = feeds.manager.bars.series("EURUSD", "kraken", "1m", 5)

    own = value(portfolio(held("EURGBP"), held("USDJPY"), held("NZDUSD")), quotes, START)

    assert [
        ("EURGBP", "GBPUSD", LIVE),
        ("USDJPY", "USDJPY", LIVE),
        ("NZDUSD", None, INDICATIVE),
    ] == [(holding.symbol, holding.rate_symbol, holding.price_class) for holding in own.holdings]
    for symbol in from_kraken():
        assert_mid_of_its_book(quotes[symbol])
    assert {PriceBasis.MID} == {bar.price_basis for bar in bars}


def assert_mid_of_its_book(quote: Quote) -> None:
    assert quote.bid is not None
    assert quote.ask is not None
    assert (PriceBasis.MID, (quote.bid + quote.ask) / 2) == (quote.price_basis, quote.last)
    assert Decimal(0) < quote.ask - quote.bid <= quote.bid * POLICIES[AssetClass.FOREX].max_spread


def test_eight_pairs_are_live_with_finnhub_s_key_and_fail_over(tmp_path: Path) -> None:
    """Kraken is first where it has the pair; Finnhub and then Massive stand in for what is down,
    and for books that are too wide."""
    with feeds_of(tmp_path, "kraken", "finnhub", "massive_forex", keys=ANY_KEY) as feeds:
        feeds.wait_for(from_kraken("finnhub"))
        feeds.play("kraken", REFUSED, CUT)
        feeds.wait_for(dict.fromkeys(SYMBOLS, "finnhub"))
        feeds.play("finnhub", REFUSED, CUT)
        feeds.wait_for(dict.fromkeys(SYMBOLS, "massive_forex"))
        quotes = feeds.manager.cache.snapshot()
        feeds.clear()
        feeds.wait_for(from_kraken("finnhub"))
        feeds.play("kraken", {"fault": "trick", "name": "wide", "amount": 1})
        feeds.wait_for(dict.fromkeys(SYMBOLS, "finnhub"))

    for quote in quotes.values():
        assert_mid_of_its_book(quote)
        assert (None, None) == (quote.bid_size, quote.ask_size)


def test_outside_the_week_every_price_is_closed(tmp_path: Path) -> None:
    """Kraken and Finnhub quote on Saturdays, too, and that makes none live."""
    now = datetime.now(UTC)
    shift = next(
        timedelta(hours=-hours)
        for hours in range(24 * 7)
        if not any(
            is_open(Calendar.FOREX, now - timedelta(hours=hours - offset)) for offset in (-1, 0, 1)
        )
    )
    shown: list[Quote] = []
    with feeds_of(tmp_path, "kraken", "finnhub", keys=ANY_KEY, shift=shift) as feeds:
        feeds.manager.add_callback(shown.append)
        wait_for(lambda: feeds.sources(CLOSED).keys() == SYMBOLS)
        taken = feeds.manager.status()["kraken"].messages
        wait_for(lambda: feeds.manager.status()["kraken"].messages > taken + 50)

    real = [quote for quote in shown if quote.source.name in ("kraken", "finnhub")]

    assert {CLOSED} == {quote.price_class for quote in real}
    assert {PriceBasis.MID} == {quote.price_basis for quote in real}
