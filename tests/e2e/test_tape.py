"""The main job on real input: what a trader is told agrees with what was recorded."""

import time
from pathlib import Path

import pytest

from tests.e2e.tape_story import disagreements, final, states
from tests.modes import ONE_MODE
from tests.processes import App, DeskClient, Exchange, free_port, wait_for

PAIRS = {"BTC": "BTCUSDT", "ETH": "ETHUSDT"}


@pytest.fixture(scope="module")
def tapes(market_data: Path) -> list[Path]:
    """The two real recordings of 2024-08-08."""
    return sorted((market_data / "binance" / "spot-2024-08-08").glob("*.gz"))


@pytest.fixture(scope="module")
def stories(tapes: list[Path]) -> dict[str, list]:
    """What they say."""
    return {
        symbol: states(tape, pair)
        for (symbol, pair), tape in zip(PAIRS.items(), tapes, strict=True)
    }


class Replay:
    """A page that watches from before the tape's first frame to after its last."""

    def __init__(self, folder: Path, tapes: list[Path], speed: str, mode: str = "eventlet") -> None:
        port = free_port()
        environ = {"BINANCE_WS_URL": f"ws://127.0.0.1:{port}", "OMCRM_ASYNC": mode}
        with App(folder, environ) as app, app.new_browser().desk() as desk:
            desk.subscribe(*PAIRS)
            arguments = ("--tape", *map(str, tapes), "--speed", speed)
            with Exchange(folder, *arguments, port=port) as exchange:
                wait_for(lambda: "tape finished" in exchange.output(), 400, "the tape's end")
                # What was sent may still wait in the sockets' buffers.
                wait_for(lambda: _is_settled(desk), 20, "the last update")
                self.updates = {
                    symbol: [price for price in desk.prices(symbol) if price["source"] == "binance"]
                    for symbol in PAIRS
                }


def _is_settled(desk: DeskClient) -> bool:
    before = len(desk.events)
    time.sleep(1)
    return len(desk.events) == before


def check(replay: Replay, stories: dict[str, list]) -> None:
    for symbol, story in stories.items():
        updates = replay.updates[symbol]
        numbers = [update["seq"] for update in updates]

        assert sorted(set(numbers)) == numbers
        assert [] == disagreements(updates, story)
        assert story[-1] == final(updates[-1])


@pytest.mark.parametrize("mode", ONE_MODE)
def test_at_full_speed(
    tmp_path: Path, tapes: list[Path], stories: dict[str, list], mode: str
) -> None:
    """At full speed no update contradicts the tape, and the last one is the tape's last."""
    replay = Replay(tmp_path, tapes, "max", mode)

    check(replay, stories)
    assert all(len(updates) >= 10 for updates in replay.updates.values())


@pytest.mark.long
def test_at_ten_times_its_speed(
    tmp_path: Path, tapes: list[Path], stories: dict[str, list]
) -> None:
    """At ten times the speed it is the same, with many more updates."""
    replay = Replay(tmp_path, tapes, "10")

    check(replay, stories)
    # Ten a second where the machine has nothing else to do.
    assert all(len(updates) > 10 for updates in replay.updates.values())


@pytest.mark.long
@pytest.mark.timeout(500)
def test_at_its_own_speed(tmp_path: Path, tapes: list[Path], stories: dict[str, list]) -> None:
    """The whole of it, as it was recorded: six minutes, in which no price was ever stale."""
    replay = Replay(tmp_path, tapes, "1")

    check(replay, stories)
    for updates in replay.updates.values():
        assert {"live"} == {update["price_class"] for update in updates}
