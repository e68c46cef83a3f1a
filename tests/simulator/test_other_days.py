"""Upstreams whose times are of another day, at the clients of every streamed source."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.registry import STREAMS
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_status import FeedStatus
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.webtrader.realtime_data import RealTimeDataManager
from simulator.clock import MarketClock
from simulator.drill.setup import urls
from simulator.replay import Replay
from simulator.simulation import Simulation

# Massive's currencies are silent outside of the week of their market.
SOURCES = tuple(name for name in STREAMS if name not in ("simulated", "massive_forex"))
FOLLOWED = tuple(item for item in CATALOGUE if item.symbol in {"BTC", "MATIC", "AAPL"})
RECORDED = datetime(2024, 8, 8, 23, 54, 13, tzinfo=UTC)
FIRST_MS = round(RECORDED.timestamp() * 1000)
HOST = "127.0.0.1"


class Client:
    """The clients of some sources, and every quote that any of them brought."""

    def __init__(self, port: int, folder: Path, sources: tuple[str, ...], host: str) -> None:
        there = urls(f"ws://{host}:{port}")
        settings = FeedSettings(
            urls={name: there[name] for name in sources}, keys=Keys(lambda name: "a-key")
        )
        self.manager = RealTimeDataManager(settings, state=folder)
        self.manager.follow(FOLLOWED)
        self.quotes: list[Quote] = []
        self.manager.add_callback(self.quotes.append)
        self.manager.start()

    def prices(self) -> set[str]:
        """The sources that brought a price of any symbol."""
        of = self.manager.engine.consolidator.quotes_by_source
        return {name for item in FOLLOWED for name in of(item.symbol)} - {"last_resort"}

    def classes(self) -> set[PriceClass]:
        """The classes of all real quotes so far, and of what every source has now."""
        of = self.manager.engine.consolidator.quotes_by_source
        held = [quote for item in FOLLOWED for quote in of(item.symbol).values()]
        return {quote.price_class for quote in [*held, *self.quotes] if quote.source.is_real}

    def status(self, source: str) -> FeedStatus:
        return self.manager.feeds()[source].status()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Starts clients, which end with the test."""
    clients: list[Client] = []

    def start(port: int, *sources: str, host: str = HOST) -> Client:
        clients.append(Client(port, tmp_path / f"feeds-{len(clients)}", sources, host))
        return clients[-1]

    yield start
    for client in clients:
        client.manager.stop()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of 2024."""
    return written(tmp_path / "day.binance", FIRST_MS)


def written(path: Path, first: int) -> Path:
    """Half a minute of Binance from this millisecond on: a trade every 10 ms, and the book around
    it."""
    lines = []
    for number in range(3000):
        at = first + number * 10
        trade = (
            f'{{"e":"trade","E":{at},"s":"BTCUSDT","t":{number + 1},"p":"60000.{number % 10}",'
            f'"q":"0.5","T":{at},"m":true,"M":true}}'
        )
        book = f'{{"u":{number + 1},"s":"BTCUSDT","b":"59999.0","B":"1","a":"60001.0","A":"1"}}'
        lines += [f"{at * 1_000_000} {trade}", f"{at * 1_000_000} {book}"]
    path.write_text("\n".join(lines) + "\n")
    return path


def seconds_until(moment: Mapping[str, int]) -> float:
    """How far back a clock must be set for that day."""
    return (datetime(**moment, tzinfo=UTC) - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize(
    "ahead",
    [
        pytest.param(-7200.0, id="two hours ago"),
        pytest.param(-86_400.0, id="yesterday"),
        pytest.param(seconds_until({"year": 2015, "month": 6, "day": 1}), id="2015"),
        pytest.param(seconds_until({"year": 1970, "month": 1, "day": 2}), id="1970"),
    ],
)
def test_times_of_another_day_are_never_live(serve, connect, room, ahead: float) -> None:
    """From no source, from its first price on, while its connection is well."""
    clock = MarketClock(ahead)
    running = serve(lambda publisher: Simulation(7, publisher, FOLLOWED, clock))
    client = connect(running.port, *SOURCES)
    room.wait_until(lambda: client.prices() == set(SOURCES))
    count = len(client.quotes)
    room.wait_until(lambda: len(client.quotes) > count + 20)

    assert PriceClass.LIVE not in client.classes()
    assert all(client.status(name).reconnects == 0 for name in SOURCES)


def test_a_recording_without_its_date_is_never_live(
    play, connect, room, recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of another day are stale although they arrive one after the other."""
    monkeypatch.setattr(Replay, "recorded_at", None)
    client = connect(play(recording, speed=1.0).port, "binance")
    room.wait_until(lambda: len(client.quotes) > 200)

    assert {PriceClass.STALE} == client.classes()


def test_a_recording_with_its_date_is_replayed(play, connect, room, recording) -> None:
    """Its quotes carry the date, and so does the state of its feed."""
    client = connect(play(recording, speed=1.0).port, "binance")
    room.wait_until(lambda: len(client.quotes) > 200)
    status = client.status("binance")

    assert {PriceClass.REPLAYED} == client.classes()
    assert {RECORDED} == {quote.recorded_at for quote in client.quotes if quote.source.is_real}
    assert (PriceClass.REPLAYED, RECORDED) == (status.price_class, status.recorded_at)


def test_a_recording_of_minutes_ago_is_not_late(play, connect, room, tmp_path) -> None:
    """Its times are those of the recording, however near: its connection is not replaced."""
    ago = round((datetime.now(UTC).timestamp() - 600) * 1000)
    client = connect(play(written(tmp_path / "day.binance", ago), speed=1.0).port, "binance")
    room.wait_until(lambda: len(client.quotes) > 1000)
    status = client.status("binance")

    assert {PriceClass.REPLAYED} == client.classes()
    assert (0, None) == (status.reconnects, status.last_error)


def test_a_recorded_answer_is_replayed(play, connect, room, tmp_path) -> None:
    """Of a source that is polled, too."""
    call = '200 - /coingecko/api/v3/simple/price {"bitcoin":{"usd":60000.5,"last_updated_at":%d}}'
    path = tmp_path / "day.coingecko"
    path.write_text(f"{FIRST_MS * 1_000_000} {call % RECORDED.timestamp()}\n")
    client = connect(play(path).port, "coingecko")
    room.wait_until(lambda: "coingecko" in client.prices())
    quote = client.manager.engine.consolidator.quotes_by_source("BTC")["coingecko"]

    assert (PriceClass.REPLAYED, RECORDED) == (quote.price_class, quote.recorded_at)
    assert PriceClass.REPLAYED is client.status("coingecko").price_class


def test_a_recording_that_ends_becomes_stale(play, connect, room, recording) -> None:
    """It keeps its date."""
    client = connect(play(recording).port, "binance")
    room.wait_until(lambda: PriceClass.REPLAYED in client.classes())
    client.manager.engine.consolidator.set_health("binance", HealthState.DOWN, 0)
    quote = client.manager.engine.consolidator.quotes_by_source("BTC")["binance"]

    assert (PriceClass.STALE, RECORDED) == (quote.price_class, quote.recorded_at)


def test_the_date_is_not_believed_from_elsewhere(
    play, connect, room, recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is no loopback's, although the same exchange answers there."""
    monkeypatch.setattr("simulator.server.HOST", "0.0.0.0")
    monkeypatch.setenv("no_proxy", "0.0.0.0")
    running = play(recording, speed=1.0)
    client = connect(running.port, "binance", host="0.0.0.0")
    room.wait_until(lambda: len(client.quotes) > 200)

    assert {PriceClass.STALE} == client.classes()
    assert client.status("binance").recorded_at is None


def test_a_redated_recording_is_live(play, connect, room, recording) -> None:
    """It happens now, and nobody says otherwise."""
    client = connect(play(recording, speed=1.0, redate=True).port, "binance")
    room.wait_until(lambda: len(client.quotes) > 200)
    times = [quote.provider_time for quote in client.quotes if quote.source.is_real]

    assert {PriceClass.LIVE} == client.classes()
    assert all(time and abs(time - datetime.now(UTC)) < timedelta(hours=1) for time in times)
