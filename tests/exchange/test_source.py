from omcrm.exchange.replay import Replay
from omcrm.exchange.simulation import Simulation
from omcrm.exchange.source import Source
from omcrm.exchange.switchboard import Switchboard
from omcrm.exchange.tape import Tape
from omcrm.exchange.venue import Venue


def test_model_and_tape_are_sources(room) -> None:
    """Both kinds of market fulfil the same contract before they are started."""
    board = Switchboard()
    sources: list[Source] = [
        Simulation(1, board, room.FEW),
        Replay(Tape((), frozenset({"btcusdt@trade"})), 1.0, board),
    ]

    assert ["model", "tape"] == [source.status()["mode"] for source in sources]
    usual = Venue()
    assert all(source.venue("kraken", usual) is usual for source in sources)
    assert [False, True] == [source.waits_for_readers for source in sources]
    assert all("BTCUSDT" in source.listings for source in sources)
    assert all(source.now() > 1_600_000_000_000 for source in sources)
    assert ["seeded model, seed 1", "tape: 0 file, speed 1"] == [
        source.describe() for source in sources
    ]
