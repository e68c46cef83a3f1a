from pathlib import Path

import pytest

from simulator.drill import run
from simulator.drill.fault import FAULTS
from simulator.drill.run import run_drill
from simulator.drill.world import DrillWorld

# A drill starts the simulator as a child process.
pytestmark = pytest.mark.outside


def test_a_cut_is_detected_and_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole drill, short: detection, failover and recovery without a wrong price."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld("binance"), "cut", 3.0, tmp_path)

    assert outcome.detected is not None
    assert outcome.taken_over is not None
    assert () == outcome.wrong
    assert 8 == outcome.symbols
    assert outcome.recovered is not None


@pytest.mark.parametrize("source", FAULTS["bad-conditions"].sources)
def test_a_trade_with_a_bad_condition_is_not_shown(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trades 7 % away leave the price alone."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld(source), "bad-conditions", 3.0, tmp_path)

    assert outcome.detected is not None
    assert () == outcome.wrong
    assert outcome.recovered is not None


def test_refused_polls_are_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a polled source, where time passes fast; it is active again after the fault."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld("finnhub_quote"), "refused-polls", 3.0, tmp_path)

    assert outcome.detected is not None
    assert () == outcome.wrong
    assert outcome.recovered is not None


def test_a_spike_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trades at one and a half times the price are detected and not shown."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld("binance"), "spike", 3.0, tmp_path)

    assert outcome.detected is not None
    assert () == outcome.wrong
    assert not outcome.moves


def test_a_lie_is_contradicted_by_another_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two sources neither is live, and no connection is replaced for it."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld("binance", 2), "above", 5.0, tmp_path)

    assert 8 == outcome.symbols
    assert ((), (), 0.0) == (outcome.wrong, outcome.loops, outcome.unknowable)
    assert outcome.recovered is not None


def test_the_only_source_s_lie_cannot_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its seconds are counted apart, and another source was not there to take over."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = run_drill(DrillWorld("kraken", 1), "below", 5.0, tmp_path)

    assert outcome.unknowable > 0
    assert ((), False) == (outcome.wrong, outcome.moves)
