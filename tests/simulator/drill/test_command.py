from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.drill import command
from simulator.drill.run import DrillError, DrillOutcome
from simulator.drill.world import DrillWorld, worlds
from tests.simulator.drill.test_document import OLD, outcome


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


def test_more_cannot_fail_than_there_are() -> None:
    """The error names the options."""
    done = CliRunner().invoke(command.drill, ["frozen", "--streams", "2", "--erring", "3"])

    assert (2, True) == (done.exit_code, "--erring is more than --streams" in done.output)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[DrillWorld, str]]:
    """The worlds and faults that were played, in their order."""
    drills: list[tuple[DrillWorld, str]] = []

    def run(world: DrillWorld, fault: str, *_: object) -> DrillOutcome:
        drills.append((world, fault))
        return outcome()

    monkeypatch.setattr(command, "run_drill", run)
    return drills


def test_a_fault_is_played_where_it_can_be(played: list[tuple[DrillWorld, str]]) -> None:
    """Without a provider at the first that suits; at another one it is refused."""
    for arguments in (["mute"], ["refused-polls"], ["frozen", "--streams", "3", "--erring", "2"]):
        assert 0 == CliRunner().invoke(command.drill, arguments).exit_code
    done = CliRunner().invoke(command.drill, ["mute", "--provider", "coingecko"])

    assert (DrillWorld("binance"), "mute") == played[0]
    assert "refused-polls" == played[1][1]
    assert (DrillWorld("binance", 3, 2), "frozen") == played[2]
    assert (2, True) == (done.exit_code, "mute can be played at binance, " in done.output)


def test_all_is_every_world(played: list[tuple[DrillWorld, str]]) -> None:
    """With a provider it is every fault there."""
    assert 0 == CliRunner().invoke(command.drill, ["all"]).exit_code
    assert list(worlds()) == played
    played.clear()
    CliRunner().invoke(command.drill, ["all", "--provider", "okx"])

    assert {DrillWorld("okx")} == {world for world, _ in played}


def test_a_wrong_price_fails_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 1, and the document is written all the same."""
    monkeypatch.setattr(command, "run_drill", lambda *_: outcome(wrong=(OLD,)))
    written = tmp_path / "drills.md"
    done = CliRunner().invoke(command.drill, ["mute", "--write", str(written)])

    assert 1 == done.exit_code
    assert "WRONG: age: BTC live" in done.output
    assert "| binance | 2 of 3 | mute | 0.1 s | 9.5 s | 8 | 1 |" in written.read_text()


def test_a_loop_of_connections_fails_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output names the source."""
    monkeypatch.setattr(command, "run_drill", lambda *_: outcome(loops=("kraken",)))
    done = CliRunner().invoke(command.drill, ["mute"])

    assert (1, True) == (done.exit_code, "kraken is connected again and again" in done.output)


def test_a_drill_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command fails with the reason."""

    def fail(*_: object) -> DrillOutcome:
        raise DrillError("binance is not the active source")

    monkeypatch.setattr(command, "run_drill", fail)
    done = CliRunner().invoke(command.drill, ["mute"])

    assert (1, True) == (done.exit_code, "not the active source" in done.output)
