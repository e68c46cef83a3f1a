from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from omcrm.feeds.provider import Budget
from simulator.drill import day_command
from simulator.drill.day import BudgetExcess, DrillDay, DrillHour
from simulator.drill.resource_use import ResourceUse
from simulator.drill.run import DrillError

HOUR = DrillHour(1, 20, 2, 0, ResourceUse(22, 40, 11, 61.25), ResourceUse(1, 30, 15, 36.9))


def day(**details: object) -> DrillDay:
    good = {"wrong": (), "healthy": 12.4, "unhealthy": (), "excesses": ()}
    played = {"binance cut": 2, "binance mute": 1, "frankfurter 429": 4}
    return DrillDay(hours=(HOUR,), played=played, calls={"coingecko": 4}, **{**good, **details})


def run(monkeypatch: pytest.MonkeyPatch, result: DrillDay, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(day_command, "run_day", lambda *_: result)
    done = CliRunner().invoke(day_command.drill_day, list(arguments))
    return done.exit_code, done.output


def test_a_good_day_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its figures, its hours, and the faults of each source."""
    written = tmp_path / "day.md"
    status, output = run(monkeypatch, day(), "--write", str(written))
    text = written.read_text()

    assert 0 == status
    assert "24 h with a fault every 180 s, in 72 min" in output
    assert "healthy again after the last fault: 12 s" in text
    assert "| 1 | 20 | 2 | 0 | 22 | 40 | 11 | 61.2 MB | 15 | 36.9 MB |" in text
    assert "| binance | cut 2, mute 1 |" in text
    assert "budgets exceeded: none" in text


@pytest.mark.parametrize(
    ("details", "named"),
    [
        ({"wrong": ("BTC live, but 12 s old",)}, "WRONG: BTC live, but 12 s old"),
        ({"unhealthy": ("kraken",), "healthy": None}, "not healthy a minute after it: kraken"),
        (
            {
                "excesses": (
                    BudgetExcess("x", Budget(5, "minute"), datetime(2026, 1, 1, tzinfo=UTC), 6),
                )
            },
            "x 6 of 5 a minute in that of 2026-01-01 00:00",
        ),
    ],
    ids=["wrong", "unhealthy", "excess"],
)
def test_a_bad_day_fails(
    monkeypatch: pytest.MonkeyPatch, details: dict[str, object], named: str
) -> None:
    """The exit status is 1, and the output names the problem."""
    status, output = run(monkeypatch, day(**details))

    assert 1 == status
    assert named in output


def test_a_day_that_cannot_begin_names_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command fails with the reason."""

    def fail(*_: object) -> DrillDay:
        raise DrillError("not every source comes up: kraken")

    monkeypatch.setattr(day_command, "run_day", fail)
    done = CliRunner().invoke(day_command.drill_day, [])

    assert 1 == done.exit_code
    assert "kraken" in done.output
