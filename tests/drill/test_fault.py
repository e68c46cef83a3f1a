import pytest

from omcrm.drill.fault import FAULTS
from omcrm.exchange.fault import FAULTS as KNOWN


@pytest.mark.parametrize("name", FAULTS)
def test_the_exchange_knows_what_is_asked_of_it(name: str) -> None:
    """Every order of a drill is a fault that the exchange can play, with options it takes."""
    fault = FAULTS[name]
    orders = [*fault.orders, *fault.again]

    assert orders
    for order in orders:
        options = {key for key in order if key != "fault"}
        assert options <= set(KNOWN[order["fault"]].options.__struct_fields__)
    assert bool(fault.again) == (fault.every > 0)
