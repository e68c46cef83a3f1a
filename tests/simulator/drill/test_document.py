from simulator.drill.document import cells, document
from simulator.drill.fault import FAULTS
from simulator.drill.run import DrillOutcome
from simulator.drill.violation import Violation, ViolationKind
from simulator.drill.world import DrillWorld

OLD = Violation(ViolationKind.AGE, "BTC live, but 11 s old")


def outcome(**details: object) -> DrillOutcome:
    measured = {"detected": 0.1, "taken_over": 9.5, "symbols": 8, "recovered": None, "moves": True}
    counted = {"wrong": (), "unknowable": 0.0, "reconnects": 2, "loops": ()}
    world = DrillWorld("binance", 3, 2)
    return DrillOutcome(world=world, fault="mute", **{**measured, **counted, **details})


def test_missing_results_are_named() -> None:
    """The table shows `never` and `not needed` instead of numbers."""
    assert ("binance", "2 of 3", "mute", "0.1 s", "9.5 s", "8", "0", "", "2", "never") == cells(
        outcome()
    )
    assert "not needed" == cells(outcome(moves=False))[4]
    assert "12 s" == cells(outcome(unknowable=12.2))[7]


def test_violations_are_counted_by_kind() -> None:
    """Each kind has its number, also where there is none; loops are named."""
    text = document([outcome(wrong=(OLD, OLD)), outcome(loops=("kraken",))], 40.0, 5)

    assert "2 of 5 drills" in text
    assert "| `age` | 2 |" in text
    assert "| `closed` | 0 |" in text
    assert "Loops of connections: kraken in mute at binance." in text
    assert all(f"| `{name}` |" in text for name in FAULTS)


def test_without_loops_it_says_so() -> None:
    """In the same place."""
    assert "Loops of connections: none." in document([outcome()], 40.0, 1)


def test_a_drill_that_could_not_begin_is_named() -> None:
    """With the reason."""
    text = document([outcome()], 40.0, 2, 4, ["cut: binance is not active"])

    assert "1 of 2 drills, 4 at a time" in text
    assert "could not begin: cut: binance is not active." in text
