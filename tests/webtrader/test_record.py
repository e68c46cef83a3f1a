import subprocess
import sys
from pathlib import Path

from websocket import create_connection

from tests.exchange.conftest import next_message
from tests.processes import ROOT, Exchange


def test_a_recording_is_played_back(tmp_path: Path) -> None:
    """What the exchange sent is recorded by the command, and played by another exchange."""
    out = tmp_path / "day.gz"
    with Exchange(tmp_path) as exchange:
        environ = {
            "PATH": "",
            "OMCRM_INSTANCE": str(tmp_path / "instance"),
            "FEED_STATE_DIR": str(tmp_path / "feeds"),
            "REALTIME_SOURCES": "binance",
            "BINANCE_WS_URL": exchange.url,
        }
        command = [sys.executable, "manage.py", "record", "--out", str(out), "--seconds", "5"]
        told = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True
        ).stdout
    tape = tmp_path / "day.binance.gz"
    folder = tmp_path / "played"
    folder.mkdir()
    with Exchange(folder, "--tape", str(tape)) as played:
        client = create_connection(f"{played.url}/ws/btcusdt@trade", timeout=10)
        trade = next_message(client, lambda message: message.get("e") == "trade")
        client.close()

    assert "0 lost" in told
    assert "BTCUSDT" == trade["s"]
