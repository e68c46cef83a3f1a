"""The story end to end: Binance, the manager, prices.

Run it as a script (`python test_realtime_websockets.py`) to see whether live prices reach this
machine; it exits with 0 where they do, from Binance or, without a network, from the built-in
exchange. pytest runs the same story against the built-in exchange.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import websocket

from omcrm.child import ExchangeProcess
from omcrm.feeds.providers.binance import Binance
from omcrm.feeds.registry import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.settings import load
from omcrm.webtrader.realtime_data import RealTimeDataManager

PATIENCE = 10.0
FRESH = (PriceClass.LIVE, PriceClass.SIMULATED)


def direct_price(ws_url: str) -> Decimal:
    """BTC's last price, from the first trade on a bare WebSocket; raises OSError in vain."""
    url = f"{Binance(ws_url, ('trade',)).url()}?streams=btcusdt@trade"
    try:
        connection = websocket.create_connection(url, timeout=PATIENCE)
    except websocket.WebSocketException as error:
        raise OSError(str(error)) from error
    try:
        return Decimal(json.loads(connection.recv())["data"]["p"])
    except websocket.WebSocketException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close(timeout=1)


def rest_price(rest_url: str) -> Decimal:
    """BTC's last price, asked for over HTTP; raises OSError in vain."""
    url = f"{rest_url}/api/v3/ticker/24hr?symbol=BTCUSDT"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return Decimal(json.load(answer)["lastPrice"])


@contextmanager
def running(settings: FeedSettings) -> Iterator[RealTimeDataManager]:
    """A manager on these feeds, with every instrument of the catalogue."""
    manager = RealTimeDataManager(settings)
    manager.follow(CATALOGUE)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop()


def fresh_quotes(manager: RealTimeDataManager) -> dict[str, Quote]:
    """The quotes that are live, or simulated and say so."""
    quotes = manager.cache.snapshot().items()
    return {symbol: quote for symbol, quote in quotes if quote.price_class in FRESH}


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it became so in time."""
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


# As a script


def main() -> int:
    """Test Binance, then the manager; print both; 0 where fresh prices arrived."""
    settings = load()
    ws_url, exchange = settings.binance_ws_url, None
    print(f"1. Binance at {ws_url}")
    try:
        streamed, asked = direct_price(ws_url), rest_price(settings.binance_rest_url)
        print(f"   BTC: {streamed} streamed, {asked} asked for")
    except OSError as error:
        print(f"   unreachable ({error}): going on with the built-in exchange")
        exchange = ExchangeProcess()
        ws_url = ""
    url = exchange.start() if exchange else ""
    feeds = FeedSettings(
        urls={"binance": ws_url, "simulated": url}, binance_streams=settings.binance_streams
    )
    try:
        with running(feeds) as manager:
            return _report(manager)
    finally:
        if exchange is not None:
            exchange.stop()


def _report(manager: RealTimeDataManager) -> int:
    coins = set(manager.instrument_mapping["crypto"])
    print("2. The manager")
    arrived = wait_until(lambda: coins <= fresh_quotes(manager).keys())
    for name, status in manager.status().items():
        print(f"   {name}: {status.state}, {status.messages} messages, {status.url or 'no URL'}")
    print(f"   {'symbol':<8} {'price':>12} {'bid':>12} {'ask':>12}  class        source")
    for symbol, quote in manager.cache.snapshot().items():
        trade, book = quote.said.trade, quote.said.book
        bid, ask = (book.bid, book.ask) if book else ("–", "–")
        price = trade.price if trade else "–"
        print(
            f"   {symbol:<8} {price!s:>12} {bid!s:>12} {ask!s:>12}  "
            f"{quote.price_class:<12} {quote.source.name}"
        )
    missing = sorted(coins - fresh_quotes(manager).keys())
    print("   all coins are fresh" if arrived else f"   no fresh price of {', '.join(missing)}")
    return 0 if arrived else 1


# As a test


def test_the_story() -> None:
    """A trade goes from the exchange's socket into the cache, with its class and its numbers."""
    exchange = ExchangeProcess()
    url = exchange.start()
    feeds = FeedSettings(urls={"binance": url})
    try:
        streamed = direct_price(url)
        asked = rest_price(url.replace("ws", "http", 1))
        seen: list[Quote] = []
        with running(feeds) as manager:
            manager.add_callback(seen.append)
            coins = set(manager.instrument_mapping["crypto"])
            assert wait_until(lambda: coins <= fresh_quotes(manager).keys())
            quotes = fresh_quotes(manager)
            assert manager.status()["binance"].active
    finally:
        exchange.stop()

    assert {PriceClass.LIVE} == {quotes[symbol].price_class for symbol in coins}
    price = quotes["BTC"].said.trade.price
    assert abs(price - streamed) < price / 100
    assert abs(price - asked) < price / 100
    numbers = [quote.seq for quote in seen if quote.symbol == "BTC"]
    assert sorted(numbers) == numbers


def test_the_script() -> None:
    """As a script it prints the connection and a table of prices, and exits with 0."""
    done = subprocess.run(
        [sys.executable, __file__],
        # Tests stay on this machine.
        env={**os.environ, "BINANCE_WS_URL": "ws://127.0.0.1:1", "REALTIME_SOURCES": "binance"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert 0 == done.returncode, done.stderr
    assert "unreachable" in done.stdout
    assert "all coins are fresh" in done.stdout
    assert "BTC" in done.stdout


if __name__ == "__main__":
    sys.exit(main())
