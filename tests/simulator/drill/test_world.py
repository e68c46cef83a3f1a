from omcrm.feeds.registry import STREAMS
from simulator.drill.fault import FAULTS
from simulator.drill.world import DrillWorld, worlds


def test_every_stream_and_every_fault_is_played() -> None:
    """And nothing twice."""
    played = list(worlds())

    assert STREAMS.keys() - {"simulated"} <= {world.provider for world, _ in played}
    assert FAULTS.keys() == {name for _, name in played}
    assert len(played) == len(set(played))
    assert all(FAULTS[name].suits(world.provider) for world, name in played)


def test_lies_are_played_with_one_two_and_three_sources() -> None:
    """Also where most of them err alike."""
    shapes = {
        (world.streams, world.erring)
        for world, name in worlds()
        if (world.provider, name) == ("binance", "frozen")
    }

    assert {(1, 1), (2, 1), (3, 1), (2, 2), (3, 2)} == shapes


def test_a_world_says_how_many_err() -> None:
    """Nothing where it is one of all."""
    assert "2 of 3" == str(DrillWorld("binance", 3, 2))
    assert "" == str(DrillWorld("binance"))
