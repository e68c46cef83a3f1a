import pytest

from simulator.drill.fault import FAULTS
from simulator.fault import FAULTS as KNOWN


def test_a_polled_source_has_faults_of_its_own() -> None:
    """It has no connection to mute or send garbage on, and a stream refuses no polls."""
    at_polls = [name for name, fault in FAULTS.items() if fault.suits("coingecko")]
    at_streams = {name for name, fault in FAULTS.items() if fault.suits("binance")}

    assert ["cut", "half-open", "429", "refused-polls", "week-old-polls"] == at_polls
    assert {"mute", "cut", "spike"} <= at_streams
    assert not {"refused-polls", "week-old-polls"} & at_streams


def test_lies_come_over_connections_that_live() -> None:
    """A source that ends its connections or stops a channel says nothing wrong."""
    for fault in FAULTS.values():
        assert not (fault.lies and (fault.ends_connections or fault.is_channel))
        assert fault.is_compared or not fault.lies


@pytest.mark.parametrize("name", FAULTS)
def test_the_exchange_has_every_fault_of_a_drill(name: str) -> None:
    """Every command of a drill is a fault that the exchange can play, with valid options."""
    fault = FAULTS[name]
    commands = [*fault.commands, *fault.repeated]

    assert commands
    for command in commands:
        options = {key for key in command if key != "fault"}
        assert options <= set(KNOWN[command["fault"]].options.__struct_fields__)
    assert bool(fault.repeated) == (fault.every > 0)
