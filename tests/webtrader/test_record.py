import subprocess
import sys
from pathlib import Path

from websocket import create_connection

from simulator.recording import open_file
from tests.processes import PATIENCE, ROOT, Exchange
from tests.simulator.conftest import next_message


def test_a_recording_is_played_back(tmp_path: Path) -> None:
    """What the exchange sent is recorded by the command, and played by another exchange: each
    source's at its venue."""
    out = tmp_path / "day.gz"
    with Exchange(tmp_path) as exchange:
        environ = {
            "PATH": "",
            "OMCRM_INSTANCE": str(tmp_path / "instance"),
            "FEED_STATE_DIR": str(tmp_path / "feeds"),
            "REALTIME_SOURCES": "binance,kraken",
            "BINANCE_WS_URL": exchange.url,
            "KRAKEN_WS_URL": f"{exchange.url}/kraken/v2",
        }
        command = [sys.executable, "manage.py", "record", "--out", str(out), "--seconds", "5"]
        output = subprocess.run(
            command,
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout
    tapes = [str(tmp_path / name) for name in ("day.binance.gz", "day.kraken.gz")]
    with open_file(tmp_path / "day.kraken.gz") as file:
        frames = [file.readline().partition(b" ")[2].strip().decode() for _ in range(20)]
    folder = tmp_path / "played"
    folder.mkdir()
    with Exchange(folder, "--tape", *tapes) as played:
        kraken = create_connection(f"{played.url}/kraken/v2", timeout=PATIENCE)
        kraken.send("{}")
        client = create_connection(f"{played.url}/ws/btcusdt@trade", timeout=PATIENCE)
        trade = next_message(client, lambda message: message.get("e") == "trade")
        received = [kraken.recv() for _ in frames]
        client.close()
        kraken.close()

    assert "0 lost" in output
    assert "BTCUSDT" == trade["s"]
    assert frames == received
