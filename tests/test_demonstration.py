import json
import urllib.request
from dataclasses import replace

from omcrm.demonstration import with_simulator
from omcrm.settings import load
from tests.processes import PATIENCE


def test_a_demonstration_gets_a_simulator() -> None:
    """It answers at the address in the returned settings, until it is stopped."""
    settings, stop = with_simulator(replace(load({}), demo=True, exchange_url=""))
    try:
        address = settings.exchange_url.replace("ws://", "http://")
        with urllib.request.urlopen(f"{address}/control", timeout=PATIENCE) as answer:
            state = json.load(answer)
    finally:
        stop()

    assert "connections" in state


def test_no_simulator_is_started_without_need() -> None:
    """A real installation, and one that names its simulator, keep their settings."""
    for settings in (
        replace(load({}), demo=False, exchange_url=""),
        replace(load({}), demo=True, exchange_url="ws://127.0.0.1:1"),
    ):
        same, stop = with_simulator(settings)
        stop()

        assert settings is same
