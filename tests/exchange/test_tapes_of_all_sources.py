"""What every source's client was told is recorded, and told to the same clients again."""

import gzip
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omcrm.drill.scene import urls
from omcrm.exchange.tape import opened
from omcrm.exchange.taped_call import TapedCall
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Call, FrameContext, Reply
from omcrm.feeds.recorder import Recorder
from omcrm.feeds.registry import POLLS, STREAMS, FeedSettings
from omcrm.feeds.status import FeedState
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.watchdog import WatchdogTimeouts
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.tick import Tick
from omcrm.webtrader.realtime_data import RealTimeDataManager

KEY = "a-key-of-a-test"
PUSHED = tuple(name for name in STREAMS if name != "simulated")
FOLLOWED = tuple(
    instrument
    for instrument in CATALOGUE
    if instrument.symbol in {"BTC", "MATIC", "AAPL", "EURUSD"}
)
NAMES = {
    source: {
        instrument.provider_symbols[source]: instrument.symbol
        for instrument in FOLLOWED
        if source in instrument.provider_symbols
    }
    for source in (*PUSHED, *POLLS)
}
EVERYTHING = {source: set(names.values()) for source, names in NAMES.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., RealTimeDataManager]]:
    """Starts the clients of some sources, which end with the test at the latest."""
    started: list[RealTimeDataManager] = []

    def start(port: int, *sources: str, **options: Any) -> RealTimeDataManager:
        manager = RealTimeDataManager(
            settings(port, *sources), state=tmp_path / f"feeds-{len(started)}", **options
        )
        manager.follow(FOLLOWED)
        started.append(manager)
        manager.start()
        return manager

    yield start
    for manager in started:
        manager.stop()


def settings(port: int, *sources: str) -> FeedSettings:
    """The addresses of these sources at the exchange."""
    there = urls(f"ws://127.0.0.1:{port}")
    return FeedSettings(urls={name: there[name] for name in sources}, keys=Keys(lambda name: KEY))


def everybody(start: Callable[..., RealTimeDataManager]) -> dict[str, RealTimeDataManager]:
    """One desk for all that push, and one for each that is asked: beside a better one it is not."""
    return {**dict.fromkeys(PUSHED, start(*PUSHED)), **{source: start(source) for source in POLLS}}


def last_prices(tapes: Mapping[str, Path]) -> dict[str, dict[str, Decimal]]:
    """What the newest trade of each symbol is on each tape, as the source's client reads it."""
    found: dict[str, dict[str, Decimal]] = {}
    for source, path in tapes.items():
        with opened(path) as file:
            frames = [line.rstrip(b"\n").partition(b" ")[2] for line in file]
        found[source] = {
            tick.symbol: tick.trade.price
            for frame in frames
            for tick in read(source, frame)
            if isinstance(tick, Tick) and tick.trade is not None
        }
    return found


def read(source: str, frame: bytes) -> Any:
    """What a frame says to the source's client."""
    arrival = FrameContext(datetime.now(UTC), 1, NAMES[source])
    known = settings(1, source)
    if source in STREAMS:
        return STREAMS[source](known.urls[source], known).parse(frame, arrival)
    call, asked = TapedCall.read(frame), POLLS[source](known.urls[source], known)
    names = [name for name in NAMES[source] if f"={name}" in call.question]
    names = names or [*NAMES[source]][:1]
    return asked.parse(Call("", (names[0],)), Reply(call.status, {}, call.body), arrival)


def told(managers: Mapping[str, RealTimeDataManager]) -> dict[str, dict[str, Decimal]]:
    """The last price of each symbol as each source has it at the desk."""
    prices: dict[str, dict[str, Decimal]] = {}
    for source, manager in managers.items():
        prices[source] = {}
        for symbol in NAMES[source].values():
            quote = manager.engine.consolidator.quotes_by_source(symbol).get(source)
            if quote is not None:
                prices[source][symbol] = quote.last
    return prices


def symbols(prices: Mapping[str, Mapping[str, Decimal]]) -> dict[str, set[str]]:
    """The symbols of which each source has a price."""
    return {source: set(item) for source, item in prices.items()}


def test_all_sources_are_recorded_and_played_back(market, play, desk, room, tmp_path) -> None:
    """In the end every client has the last price of its tape, for every symbol."""
    recorder = Recorder(tmp_path / "day.gz")
    recorder.start()
    recording = everybody(lambda *names: desk(market.port, *names, recorder=recorder.take))
    room.wait_until(lambda: symbols(told(recording)) == EVERYTHING)
    time.sleep(0.5)
    for manager in recording.values():
        manager.stop()
    recorder.stop()
    tapes = {path.name.split(".")[1]: path for path in recorder.files()}
    expected = last_prices(tapes)
    # Long enough for all clients to log in before the first line.
    played = play(*tapes.values(), delay=1.0)
    managers = dict.fromkeys(PUSHED, desk(played.port, *PUSHED))
    room.wait_until(lambda: played.get("/control")["tape"]["finished"])
    managers |= {source: desk(played.port, source) for source in POLLS}
    room.wait_until(lambda: told(managers) == expected)

    assert EVERYTHING == symbols(expected)
    frames = played.get("/control")["tape"]["frames_of_venues"]
    assert recorder.frames - unplayed(tapes["binance"]) == sum(frames.values())
    assert all(KEY.encode() not in gzip.decompress(tape.read_bytes()) for tape in tapes.values())


def unplayed(tape: Path) -> int:
    """How many lines of Binance's are answers to commands, which are made anew."""
    with opened(tape) as file:
        return sum(b'"result":' in line for line in file)


GAP = 2.0
FIRST, LAST = Decimal(60000), Decimal(60099)


def outage(path: Path, began: datetime) -> Path:
    """A tape of Kraken, which says nothing for a while between two busy halves of a second."""
    lines = []
    for number in range(100):
        at = began + timedelta(seconds=number * 0.02 + (GAP if number >= 50 else 0.0))
        lines.append(
            f'{round(at.timestamp() * 1e9)} {{"channel":"trade","type":"update","data":[{{"symbol":'
            f'"BTC/USD","side":"buy","price":{FIRST + number},"qty":0.5,"ord_type":"market",'
            f'"trade_id":{number + 1},"timestamp":"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}}]}}\n'
        )
    path.write_text("".join(lines))
    return path


def test_a_recorded_outage_is_an_outage_again(play, desk, room, tmp_path) -> None:
    """Its source is called mute and its price stale, and both come back with the tape."""
    tape = outage(tmp_path / "day.kraken", datetime.now(UTC) + timedelta(seconds=0.5))
    quotes: list[Quote] = []
    played = play(tape, speed=1.0)
    timeouts = WatchdogTimeouts(no_data_least=0.8, no_data_factor=5.0)
    manager = desk(
        played.port, "kraken", timing=SupervisorTiming(timeouts=timeouts, replacement_grace=0.2)
    )
    manager.add_callback(lambda quote: quotes.append(quote) if quote.symbol == "BTC" else None)
    kraken = manager.feeds()["kraken"]
    room.wait_until(lambda: "but no price for" in str(kraken.status().last_error))
    room.wait_until(lambda: kraken.status().state is FeedState.CONNECTED)
    room.wait_until(lambda: kraken.status().state is FeedState.STREAMING)
    room.wait_until(lambda: LAST in map(price, quotes))
    whole = quotes[: [*map(price, quotes)].index(LAST) + 1]
    classes = [quote.price_class for quote in whole if quote.source.name == "kraken"]

    assert [PriceClass.LIVE, PriceClass.STALE, PriceClass.LIVE] == [
        price_class for price_class, _ in itertools.groupby(classes)
    ]
    assert FIRST == price(whole[0])


def test_a_refusal_is_recorded(market, play, desk, room, tmp_path) -> None:
    """Who asks the tape is refused with the same words, and for as long."""
    recorder = Recorder(tmp_path / "day.gz")
    recorder.start()
    market.fault("refuse", venue="coingecko", status=429, retry_after=77)
    recording = desk(market.port, "coingecko", recorder=recorder.take).feeds()["coingecko"]
    room.wait_until(lambda: recording.status().last_error)
    recording.stop()
    recorder.stop()
    (tape,) = recorder.files()
    playing = desk(play(tape).port, "coingecko").feeds()["coingecko"]
    room.wait_until(lambda: playing.status().last_error)

    assert "refused with 429" in str(recording.status().last_error)
    assert recording.status().last_error == playing.status().last_error
    assert b" 429 77 /coingecko/" in gzip.decompress(tape.read_bytes())


def price(quote: Quote) -> Decimal | None:
    """The last price of a quote."""
    return quote.last
