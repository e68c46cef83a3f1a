"""What every source's client receives is recorded, and replayed to the same clients."""

import gzip
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Call, FrameContext, Reply
from omcrm.feeds.recorder import Recorder
from omcrm.feeds.registry import POLLS, STREAMS, polls, streams
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.usual_name import with_usual_names
from omcrm.feeds.watchdog import WatchdogTimeouts
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_status import FeedState
from omcrm.market.instrument import AssetClass
from omcrm.market.mid import priced_by_mid
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.tick import Tick
from omcrm.webtrader.realtime_data import RealTimeDataManager
from simulator.drill.setup import urls
from simulator.recorded_call import RecordedCall
from simulator.recording import open_file

KEY = "a-key-of-a-test"
PUSHED = tuple(name for name in STREAMS if name != "simulated")
FOLLOWED = tuple(
    instrument
    for instrument in map(with_usual_names, CATALOGUE)
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
def start_feeds(tmp_path: Path) -> Iterator[Callable[..., RealTimeDataManager]]:
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
    """One manager for all pushed sources, and one for each polled one: beside a better one it would
    not poll."""
    return {**dict.fromkeys(PUSHED, start(*PUSHED)), **{source: start(source) for source in POLLS}}


def last_prices(recordings: Mapping[str, Path]) -> dict[str, dict[str, Decimal]]:
    """The newest price of each symbol in each recording that sets the last price, as the source's
    client reads it."""
    prices: dict[str, dict[str, Decimal]] = {}
    for source, path in recordings.items():
        with open_file(path) as file:
            frames = [line.rstrip(b"\n").partition(b" ")[2] for line in file]
        prices[source] = {
            tick.symbol: tick.trade.price
            for frame in frames
            for tick in map(priced, read(source, frame))
            if isinstance(tick, Tick) and tick.trade is not None and tick.trade.updates.last
        }
    return prices


def read(source: str, frame: bytes) -> Any:
    """The events that the source's client reads from a frame."""
    arrival = FrameContext(datetime.now(UTC), 1, NAMES[source])
    known = settings(1, source)
    if source in STREAMS:
        return streams(known)[source].parse(frame, arrival)
    call, asked = RecordedCall.read(frame), polls(known)[source]
    names = [name for name in NAMES[source] if f"={name}" in call.question]
    names = names or [*NAMES[source]][:1]
    return asked.parse(Call("", (names[0],)), Reply(call.status, {}, call.body), arrival)


def priced(event: object) -> object:
    """A tick of currencies with the mid of its book as its price."""
    if not isinstance(event, Tick) or event.symbol != "EURUSD":
        return event
    return priced_by_mid(event, None, POLICIES[AssetClass.FOREX])


def prices_of(managers: Mapping[str, RealTimeDataManager]) -> dict[str, dict[str, Decimal]]:
    """The last price of each symbol and source in the managers' caches."""
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


def test_all_sources_are_recorded_and_played_back(
    running, play, start_feeds, room, tmp_path
) -> None:
    """In the end every client has the last price of its recording, for every symbol."""
    recorder = Recorder(tmp_path / "day.gz")
    recorder.start()
    recorded = everybody(lambda *names: start_feeds(running.port, *names, recorder=recorder.take))
    room.wait_until(lambda: symbols(prices_of(recorded)) == EVERYTHING)
    time.sleep(0.5)
    for manager in recorded.values():
        manager.stop()
    recorder.stop()
    recordings = {path.name.split(".")[1]: path for path in recorder.files()}
    expected = last_prices(recordings)
    # Long enough for all clients to log in before the first line.
    played = play(*recordings.values(), delay=1.0)
    managers = dict.fromkeys(PUSHED, start_feeds(played.port, *PUSHED))
    room.wait_until(lambda: played.get("/control")["tape"]["finished"])
    managers |= {source: start_feeds(played.port, source) for source in POLLS}
    room.wait_until(lambda: prices_of(managers) == expected)

    assert EVERYTHING == symbols(expected)
    frames = played.get("/control")["tape"]["frames_of_venues"]
    assert recorder.frames - unplayed(recordings["binance"]) == sum(frames.values())
    assert all(
        KEY.encode() not in gzip.decompress(recording.read_bytes())
        for recording in recordings.values()
    )


def unplayed(recording: Path) -> int:
    """The number of Binance's answers to commands, which are not replayed."""
    with open_file(recording) as file:
        return sum(b'"result":' in line for line in file)


GAP = 2.0
FIRST, LAST = Decimal(60000), Decimal(60099)


def outage(path: Path, began: datetime) -> Path:
    """A recording of Kraken with a gap between two busy halves of a second."""
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


def test_a_recorded_outage_is_an_outage_again(play, start_feeds, room, tmp_path) -> None:
    """The source is reported as mute and its price becomes stale; both recover with the
    recording."""
    recording = outage(tmp_path / "day.kraken", datetime.now(UTC) + timedelta(seconds=0.5))
    quotes: list[Quote] = []
    played = play(recording, speed=1.0, redate=True)
    timeouts = WatchdogTimeouts(no_data_least=0.8, no_data_factor=5.0)
    manager = start_feeds(
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


def test_a_refusal_is_recorded(running, play, start_feeds, room, tmp_path) -> None:
    """A call to the recording is refused with the same text, and for as long."""
    recorder = Recorder(tmp_path / "day.gz")
    recorder.start()
    running.fault("refuse", venue="coingecko", status=429, retry_after=77)
    feeds = start_feeds(running.port, "coingecko", recorder=recorder.take).feeds()
    recorded = feeds["coingecko"]
    room.wait_until(lambda: recorded.status().last_error)
    recorded.stop()
    recorder.stop()
    (recording,) = recorder.files()
    playing = start_feeds(play(recording).port, "coingecko").feeds()["coingecko"]
    room.wait_until(lambda: playing.status().last_error)

    assert "refused with 429" in str(recorded.status().last_error)
    assert recorded.status().last_error == playing.status().last_error
    assert b" 429 77 /coingecko/" in gzip.decompress(recording.read_bytes())


def price(quote: Quote) -> Decimal | None:
    """The last price of a quote."""
    return quote.last
