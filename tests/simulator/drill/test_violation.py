from simulator.drill.violation import Violation, ViolationKind


def test_a_violation_begins_with_its_kind() -> None:
    """As the command prints it."""
    assert "age: BTC live, but 11 s old" == str(
        Violation(ViolationKind.AGE, "BTC live, but 11 s old")
    )
