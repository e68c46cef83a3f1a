"""The story end to end: sources, the manager, prices.

Run it as a script (`python test_realtime_websockets.py`) to see which of the configured sources
reach this machine; it exits with 0 where one of them brings live prices, else with 1. With
`--exchange` it looks for the simulated prices of the built-in exchange instead, for machines
without a network. pytest runs the same against the built-in exchange.

Longer than most for a reason: whoever has only this file sees what is asked and what it proves.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import websocket
from msgspec import structs

from omcrm.child import ExchangeProcess
from omcrm.errors import SettingError
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.registry import POLLS, PROVIDERS, STREAMS, polls, streams
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import SIMULATED
from omcrm.settings import load
from omcrm.webtrader.realtime_data import RealTimeDataManager

PATIENCE = 20.0
SOURCES = [name for name in (*STREAMS, *POLLS) if name != SIMULATED.name]


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
def running(
    settings: FeedSettings, instruments: Sequence[Instrument] = CATALOGUE, state: Path | None = None
) -> Iterator[RealTimeDataManager]:
    """A manager on these feeds, with these instruments."""
    manager = RealTimeDataManager(settings, state=state)
    manager.follow(instruments)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop()


def quotes_of(manager: RealTimeDataManager, source: str) -> dict[str, Quote]:
    """The quotes that this source brought and that hold now."""
    quotes = manager.cache.snapshot().items()
    return {
        symbol: quote
        for symbol, quote in quotes
        if quote.source.name == source and quote.price_class.is_fresh
    }


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it became so in time."""
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


# As a script


def main(arguments: Sequence[str] | None = None) -> int:
    """Look for prices and print where they come from; 0 where they arrived."""
    parser = argparse.ArgumentParser(description="Say which sources of prices can be reached.")
    parser.add_argument(
        "--exchange",
        action="store_true",
        help="look for simulated prices of the built-in exchange; nothing outside is asked",
    )
    if parser.parse_args(arguments).exchange:
        return look_at_exchange()
    try:
        settings = load()
    except SettingError as error:
        parser.error(str(error))
    return look_at_sources(settings.feeds, settings.feed_state_path)


def look_at_sources(settings: FeedSettings, state: Path) -> int:
    """Ask every configured source for one price; 0 where one of them is live."""
    print(f"Asking every source that is configured, {PATIENCE:.0f} s at most:")
    providers = {**streams(settings), **polls(settings)}
    with ExitStack() as at_the_end:
        managers = {
            name: at_the_end.enter_context(running(alone(settings, name), sample(name), state))
            for name in SOURCES
            if name in providers and not providers[name].missing()
        }
        wait_until(lambda: all(is_settled(manager, name) for name, manager in managers.items()))
        results = {name: result(manager, name) for name, manager in managers.items()}
    for name in SOURCES:
        missing = providers[name].missing() if name in providers else None
        because = f"no key ({missing} is not set)" if missing else "off"
        kind = "stream" if name in STREAMS else "polled"
        print(f"   {name:<17} {kind}  {results.get(name, because)}")
    live = [name for name, text in results.items() if text.startswith(PriceClass.LIVE)]
    if live:
        print(f"Live prices arrive from {', '.join(live)}.")
        return 0
    print("No live price reached this machine. Without a network, try --exchange.")
    return 1


def alone(settings: FeedSettings, source: str) -> FeedSettings:
    """The settings with this source and no other, so that nobody better is asked in its place."""
    others = {*STREAMS, *POLLS} - {source}
    urls = {name: url for name, url in settings.urls.items() if name not in others}
    return structs.replace(settings, urls=urls)


def sample(source: str) -> list[Instrument]:
    """One instrument that the source knows: calls are counted."""
    named = map(with_usual_names, CATALOGUE)
    return [known for known in named if source in known.provider_symbols][:1]


def is_settled(manager: RealTimeDataManager, source: str) -> bool:
    """Whether a price came, or the source said why none does."""
    return bool(quotes_of(manager, source)) or manager.status()[source].last_error is not None


def result(manager: RealTimeDataManager, source: str) -> str:
    """What came of a source, in words: the class of its price first."""
    status = manager.status()[source]
    for symbol, quote in quotes_of(manager, source).items():
        return f"{quote.price_class}: {symbol} {quote.last}, {status.messages} messages"
    if status.last_error is not None:
        return f"unreachable: {status.last_error}"
    return f"{status.state}, but no price in {PATIENCE:.0f} s: its market may be closed"


def look_at_exchange() -> int:
    """Let the built-in exchange tell every instrument; 0 where all of its prices arrive."""
    print("The built-in exchange: its prices are simulated, and no live one is looked for.")
    exchange = ExchangeProcess()
    try:
        settings = FeedSettings(urls={SIMULATED.name: exchange.start()})
        with running(settings) as manager:
            names = {instrument.symbol for instrument in CATALOGUE}
            arrived = wait_until(lambda: names <= quotes_of(manager, SIMULATED.name).keys())
            quotes = quotes_of(manager, SIMULATED.name)
    finally:
        exchange.stop()
    for symbol, quote in quotes.items():
        print(f"   {symbol:<8} {quote.last!s:>12}  {quote.price_class}")
    missing = ", ".join(sorted(names - quotes.keys()))
    print("All simulated prices arrive." if arrived else f"No simulated price of {missing}.")
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
            assert wait_until(lambda: coins <= quotes_of(manager, "binance").keys())
            quotes = quotes_of(manager, "binance")
            assert manager.status()["binance"].active
    finally:
        exchange.stop()

    assert {PriceClass.LIVE} == {quotes[symbol].price_class for symbol in coins}
    price = quotes["BTC"].last
    assert abs(price - streamed) < price / 100
    assert abs(price - asked) < price / 100
    numbers = [quote.seq for quote in seen if quote.symbol == "BTC"]
    assert sorted(numbers) == numbers


NOWHERE = "127.0.0.1:1"
ADDRESSES = {
    address.env: f"{address.schemes[0]}://{NOWHERE}"
    for declaration in PROVIDERS.values()
    for address in declaration.addresses
}
KEYS = [key for declaration in PROVIDERS.values() for key in declaration.keys]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def script(tmp_path: Path) -> Run:
    """Runs the script; whatever is not given leads nowhere."""

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environ = ADDRESSES | dict.fromkeys((key.env for key in KEYS), "")
        environ |= {"REALTIME_SOURCES": "all", "FEED_STATE_DIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, __file__, *arguments],
            env={**os.environ, **environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


def lines(done: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """What the script said of each source."""
    words = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line[:3] == "   "]
    return {name: rest for name, _, rest in words}


def test_without_live_prices_the_script_fails(script: Run) -> None:
    """It names every source with its reason, and exits with 1."""
    done = script(KRAKEN_WS_URL="")
    states = lines(done)

    assert 1 == done.returncode, done.stderr
    assert SOURCES == list(states)
    assert "off" == states["kraken"]
    declared = {**STREAMS, **POLLS}
    for name in SOURCES:
        needed = [key for key in declared[name].keys if not key.is_optional]
        if name != "kraken":
            assert states[name].startswith("no key (" if needed else "unreachable: "), states
    assert "No live price reached this machine" in done.stdout


def test_one_live_source_is_enough_for_the_script(script: Run) -> None:
    """It says which one it is and what it states, and exits with 0."""
    exchange = ExchangeProcess()
    try:
        done = script(BINANCE_WS_URL=exchange.start())
    finally:
        exchange.stop()

    assert 0 == done.returncode, done.stdout + done.stderr
    assert lines(done)["binance"].startswith("live: BTC "), done.stdout
    assert lines(done)["coinbase"].startswith("unreachable: ")
    assert "Live prices arrive from binance." in done.stdout


def test_the_script_on_the_built_in_exchange(script: Run) -> None:
    """Without a network it shows simulated prices, says that they are, and exits with 0."""
    done = script("--exchange")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "no live one is looked for" in done.stdout
    assert "All simulated prices arrive." in done.stdout
    assert "live:" not in done.stdout


def test_a_wrong_setting_is_named(script: Run) -> None:
    """It is no traceback but a line."""
    done = script(BINANCE_WS_URL="https://127.0.0.1")

    assert 2 == done.returncode
    assert "setting BINANCE_WS_URL: expected a URL that begins with ws or wss" in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    sys.exit(main())
