import pytest

from simulator.drill.fault import FAULTS
from simulator.fault import FAULTS as KNOWN


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
