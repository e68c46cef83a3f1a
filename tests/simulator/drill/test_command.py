from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.drill import command
from simulator.drill.run import DrillOutcome


def outcome(wrong: tuple[str, ...] = (), **details: object) -> DrillOutcome:
    measured = {"detected": 0.1, "taken_over": 9.5, "symbols": 8, "recovered": None, "moves": True}
    return DrillOutcome(provider="binance", fault="mute", wrong=wrong, **{**measured, **details})


def test_an_unknown_fault_or_provider_is_refused() -> None:
    """The error lists the choices."""
    for arguments in (["earthquake"], ["mute", "--provider", "nobody"]):
        done = CliRunner().invoke(command.drill, arguments)

        assert 2 == done.exit_code
        assert "binance" in done.output or "half-open" in done.output


def test_a_fault_that_does_not_suit_the_source_is_refused() -> None:
    """Coins have no trade conditions; the error names the sources of shares."""
    done = CliRunner().invoke(command.drill, ["bad-conditions", "--provider", "binance"])

    assert 2 == done.exit_code
    assert "finnhub, alpaca, massive" in done.output


def test_a_fault_is_played_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a provider at the first that suits; at another one it is refused."""
    played: list[tuple[str, str]] = []

    def run(provider: str, fault: str, *_: object) -> DrillOutcome:
        played.append((provider, fault))
        return outcome()

    monkeypatch.setattr(command, "run_drill", run)
    for fault in ("mute", "refused-polls"):
        assert 0 == CliRunner().invoke(command.drill, [fault]).exit_code
    done = CliRunner().invoke(command.drill, ["mute", "--provider", "coingecko"])

    assert [("binance", "mute"), ("finnhub_quote", "refused-polls")] == played
    assert (2, True) == (done.exit_code, "mute can be played at binance, " in done.output)


def test_missing_results_are_named() -> None:
    """The table shows `never` and `not needed` instead of numbers."""
    assert ("0.1 s", "9.5 s", "8", "0", "never") == command._cells(outcome())[2:]
    assert "not needed" == command._cells(outcome(moves=False))[3]


def test_a_wrong_price_fails_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 1, and the document is written all the same."""
    monkeypatch.setattr(command, "run_drill", lambda *_: outcome(("BTC live, but 11 s old",)))
    written = tmp_path / "drills.md"
    done = CliRunner().invoke(command.drill, ["mute", "--write", str(written)])

    assert 1 == done.exit_code
    assert "WRONG: BTC live" in done.output
    assert "| binance | mute | 0.1 s | 9.5 s | 8 | 1 | never |" in written.read_text()
