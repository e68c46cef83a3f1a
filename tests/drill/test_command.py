from pathlib import Path

import pytest
from click.testing import CliRunner

from omcrm.drill import command
from omcrm.drill.run import Outcome


def outcome(wrong: tuple[str, ...] = (), **details: object) -> Outcome:
    told = {"detected": 0.1, "taken_over": 9.5, "symbols": 8, "recovered": None, "moves": True}
    return Outcome(provider="binance", fault="mute", wrong=wrong, **{**told, **details})


def test_an_unknown_fault_or_provider_is_refused() -> None:
    """The refusal names what there is."""
    for arguments in (["earthquake"], ["mute", "--provider", "nobody"]):
        done = CliRunner().invoke(command.drill, arguments)

        assert 2 == done.exit_code
        assert "binance" in done.output or "half-open" in done.output


def test_the_table_says_never_and_not_needed() -> None:
    """What did not happen is not a number."""
    assert ("0.1 s", "9.5 s", "8", "0", "never") == command._cells(outcome())[2:]
    assert "not needed" == command._cells(outcome(moves=False))[3]


def test_a_wrong_price_fails_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is for machines, and the document is written all the same."""
    monkeypatch.setattr(command, "hold", lambda *_: outcome(("BTC live, but 11 s old",)))
    written = tmp_path / "drills.md"
    done = CliRunner().invoke(command.drill, ["mute", "--write", str(written)])

    assert 1 == done.exit_code
    assert "WRONG: BTC live" in done.output
    assert "| binance | mute | 0.1 s | 9.5 s | 8 | 1 | never |" in written.read_text()
