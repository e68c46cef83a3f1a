from pathlib import Path

import pytest

from omcrm.drill import run
from omcrm.drill.run import hold


def test_a_cut_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole drill, short: noticed and taken over at once, nothing wrong shown, and back."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = hold("binance", "cut", 3.0, tmp_path)

    assert outcome.detected is not None
    assert outcome.taken_over is not None
    assert () == outcome.wrong
    assert 8 == outcome.symbols
    assert outcome.recovered is not None


def test_a_spike_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trades at one and a half times the price are noticed, and shown to nobody."""
    monkeypatch.setattr(run, "_LIVED", 1.0)
    outcome = hold("binance", "spike", 3.0, tmp_path)

    assert outcome.detected is not None
    assert () == outcome.wrong
    assert not outcome.moves
