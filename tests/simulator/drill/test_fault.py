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
