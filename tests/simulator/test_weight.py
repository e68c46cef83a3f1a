from simulator.weight import WEIGHT_LIMIT, Weight


def test_weight_counts_within_its_minute() -> None:
    """A new minute begins at zero; beyond the limit there is a time to wait."""
    weight = Weight()

    assert weight.add(WEIGHT_LIMIT, 610.5) is None
    assert 50 == weight.add(1, 610.5)
    assert weight.add(20, 660.0) is None
    assert 20 == weight.used
