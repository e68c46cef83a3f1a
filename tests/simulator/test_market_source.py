from simulator.market_source import MarketSource
from simulator.protocol import ProviderProtocol
from simulator.recording import Recording
from simulator.replay import Replay
from simulator.simulation import Simulation
from simulator.stream_subscriptions import StreamSubscriptions


def test_model_and_recording_are_sources(room) -> None:
    """Both fulfil the same contract before they are started."""
    subscriptions = StreamSubscriptions()
    sources: list[MarketSource] = [
        Simulation(1, subscriptions, room.FEW),
        Replay(Recording((), frozenset({"btcusdt@trade"})), 1.0, subscriptions),
    ]

    assert ["model", "tape"] == [source.status()["mode"] for source in sources]
    usual = ProviderProtocol()
    assert all(source.protocol("kraken", usual) is usual for source in sources)
    assert [False, True] == [source.waits_for_readers for source in sources]
    assert sources[0].recorded_at is None
    assert all("BTCUSDT" in source.listings for source in sources)
    assert all(source.now() > 1_600_000_000_000 for source in sources)
    assert ["seeded model, seed 1", "tape: 0 file, speed 1"] == [
        source.describe() for source in sources
    ]
