"""The main job on real input: the prices that a trader receives are those of the recording."""

import time
from pathlib import Path

import pytest

from tests.e2e.tape_states import disagreements, final, states
from tests.modes import ONE_MODE
from tests.processes import App, DeskClient, Exchange, free_port, wait_for

PAIRS = {"BTC": "BTCUSDT", "ETH": "ETHUSDT"}


@pytest.fixture(scope="module")
def tapes(market_data: Path) -> list[Path]:
    """The two real recordings of 2024-08-08."""
    return sorted((market_data / "binance" / "spot-2024-08-08").glob("*.gz"))


@pytest.fixture(scope="module")
def recorded(tapes: list[Path]) -> dict[str, list]:
    """Their states, by symbol."""
    return {
        symbol: states(tape, pair)
        for (symbol, pair), tape in zip(PAIRS.items(), tapes, strict=True)
    }


class Replay:
    """A page that is subscribed from before the tape's first frame to after its last."""

    def __init__(
        self, folder: Path, tapes: list[Path], speed: str, *options: str, mode: str = "eventlet"
    ) -> None:
        port = free_port()
        environ = {"BINANCE_WS_URL": f"ws://127.0.0.1:{port}", "OMCRM_ASYNC": mode}
        with App(folder, environ) as app, app.new_browser().desk() as page:
            page.subscribe(*PAIRS)
            arguments = ("--tape", *map(str, tapes), "--speed", speed, *options)
            with Exchange(folder, *arguments, port=port) as exchange:
                wait_for(lambda: "tape finished" in exchange.output(), 400, "the tape's end")
                # Sent messages may still be in the sockets' buffers.
                wait_for(lambda: _is_complete(page), 20, "the last update")
                self.updates = {
                    symbol: [price for price in page.prices(symbol) if price["source"] == "binance"]
                    for symbol in PAIRS
                }


def _is_complete(page: DeskClient) -> bool:
    before = len(page.events)
    time.sleep(1)
    return len(page.events) == before


def check(replay: Replay, recorded: dict[str, list]) -> None:
    for symbol, expected in recorded.items():
        updates = replay.updates[symbol]
        numbers = [update["seq"] for update in updates]

        assert sorted(set(numbers)) == numbers
        assert [] == disagreements(updates, expected)
        assert expected[-1] == final(updates[-1])


@pytest.mark.parametrize("mode", ONE_MODE)
def test_at_full_speed(
    tmp_path: Path, tapes: list[Path], recorded: dict[str, list], mode: str
) -> None:
    """At full speed every update is a state of the tape, and the last one is its last."""
    replay = Replay(tmp_path, tapes, "max", mode=mode)

    check(replay, recorded)
    assert all(len(updates) >= 10 for updates in replay.updates.values())


@pytest.mark.long
def test_at_ten_times_its_speed(
    tmp_path: Path, tapes: list[Path], recorded: dict[str, list]
) -> None:
    """At ten times the speed it is the same, with many more updates."""
    replay = Replay(tmp_path, tapes, "10")

    check(replay, recorded)
    # Ten a second where the machine is idle.
    assert all(len(updates) > 10 for updates in replay.updates.values())


@pytest.mark.long
@pytest.mark.timeout(500)
def test_at_its_own_speed(tmp_path: Path, tapes: list[Path], recorded: dict[str, list]) -> None:
    """The whole tape at its own speed, as if it happened now: six minutes without a stale price."""
    replay = Replay(tmp_path, tapes, "1", "--redate")

    check(replay, recorded)
    for updates in replay.updates.values():
        assert {"live"} == {update["price_class"] for update in updates}
