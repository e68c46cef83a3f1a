import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omcrm.maintenance.bus_check import check_bus
from omcrm.maintenance.finding import Condition
from tests.conftest import missing
from tests.processes import PATIENCE, free_port, wait_for

PASSWORD = "secret-word"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis with a password."""
    server = shutil.which("redis-server") or missing("redis-server") or ""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    running = subprocess.Popen(
        [server, *options, "--requirepass", PASSWORD], stdout=subprocess.DEVNULL
    )
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    try:
        wait_for(lambda: answers(port), what="Redis")
        yield url
    finally:
        running.terminate()
        running.wait(PATIENCE)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_a_bus_that_is_well(bus: str) -> None:
    """Its version, and its clock."""
    parts = {finding.part: finding for finding in check_bus(bus)}

    assert {"bus", "clock (bus)"} == parts.keys()
    assert {Condition.OK} == {finding.condition for finding in parts.values()}


def test_without_a_bus() -> None:
    """One process needs none."""
    (finding,) = check_bus("")

    assert Condition.SKIPPED is finding.condition


@pytest.mark.parametrize("server", ["", "-ERR no such command\r\n", "nonsense\r\n"])
def test_a_bus_that_is_away(server: str) -> None:
    """Nobody there, one that does not answer, something else: the password is not shown."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(1000)
                    client.sendall(server.encode())

        threading.Thread(target=answer, daemon=True).start()
        findings = list(check_bus(f"redis://:{PASSWORD}@127.0.0.1:{port}/0"))
        listener.shutdown(socket.SHUT_RDWR)
    findings += check_bus(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    findings += check_bus(f"nonsense://:{PASSWORD}@127.0.0.1:{port}/0")

    assert [Condition.PROBLEM] * 3 == [finding.condition for finding in findings]
    assert not any(PASSWORD in finding.text + finding.advice for finding in findings)
