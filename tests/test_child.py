import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from omcrm import child
from omcrm.child import ExchangeProcess
from omcrm.concurrency import MODES
from tests.process_table import (
    can_listen,
    children,
    descriptors,
    environment,
    is_running,
    listens,
    state,
)
from tests.processes import PATIENCE, ROOT, wait_for
from tests.threads import Threads

# Starts the exchange as the app does, says where it is, and waits to be ended.
PARENT = """
import sys
from omcrm.concurrency import end_on, patch
patch(sys.argv[1])
import signal, time
from omcrm.child import ExchangeProcess
end_on(signal.SIGTERM, signal.SIGINT)
exchange = ExchangeProcess()
try:
    print(exchange.start(), flush=True)
    while True:
        time.sleep(0.1)
finally:
    exchange.stop()
"""


def answers(url: str) -> bool:
    """Whether the exchange at this address answers."""
    try:
        with urllib.request.urlopen(
            f"{url.replace('ws:', 'http:')}/control", timeout=PATIENCE
        ) as answer:
            return "connections" in json.load(answer)
    except OSError:
        return False


def port_of(url: str) -> int:
    """The port in an address."""
    return int(url.rpartition(":")[2])


@pytest.fixture
def exchange(threads: Threads) -> Iterator[ExchangeProcess]:
    """The one under test, ended in any case."""
    exchange = ExchangeProcess()
    yield exchange
    exchange.stop()
    threads.wait()


@pytest.fixture
def own_children() -> set[int]:
    """The children of this process that were there before the test."""
    return children(os.getpid())


class Parent:
    """A process that has the exchange as its child, in a session of its own like a terminal's."""

    def __init__(self, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, mode],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.url = self.process.stdout.readline().strip()
        (self.exchange_pid,) = children(self.process.pid)

    def end(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(params=MODES)
def parent(request: pytest.FixtureRequest) -> Iterator[Parent]:
    """One for each kind of threads."""
    parent = Parent(request.param)
    yield parent
    parent.end()


def test_starts_on_a_free_port(exchange: ExchangeProcess) -> None:
    """It listens on a port of the loopback that the system chose, when `start` returns."""
    url = exchange.start()

    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d+", url)
    assert answers(url)


def test_two_can_run(exchange: ExchangeProcess) -> None:
    """Each has a port of its own."""
    other = ExchangeProcess()
    urls = {exchange.start(), other.start()}
    both = all(answers(url) for url in urls)
    other.stop()

    assert 2 == len(urls)
    assert both


def test_stop_ends_it(exchange: ExchangeProcess, own_children: set[int]) -> None:
    """Afterwards there is no process, not even a zombie, and the port is free."""
    url = exchange.start()
    (pid,) = children(os.getpid()) - own_children
    exchange.stop()

    assert "" == state(pid)
    assert not answers(url)
    assert can_listen(port_of(url))


def test_stopping_is_harmless(exchange: ExchangeProcess) -> None:
    """Before the start, and twice."""
    exchange.stop()
    exchange.stop()


def test_stop_ends_one_that_does_not_listen(
    exchange: ExchangeProcess, own_children: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs is killed."""
    monkeypatch.setattr(child, "_GOODBYE", 0.2)
    exchange.start()
    (pid,) = children(os.getpid()) - own_children
    os.kill(pid, signal.SIGSTOP)
    exchange.stop()

    assert "" == state(pid)


def test_is_started_again(
    exchange: ExchangeProcess,
    own_children: set[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Killed, it comes back at the same address, as often as it happens; nothing piles up."""
    monkeypatch.setattr(child, "_LOOK_EVERY", 0.05)
    url = exchange.start()
    before = len(descriptors(os.getpid()))
    for _ in range(2):
        (pid,) = children(os.getpid()) - own_children
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: not state(pid), 10, "the end of the killed one")
        wait_for(lambda: answers(url), 20, "the next one")

    assert 1 == len(children(os.getpid()) - own_children)
    assert before == len(descriptors(os.getpid()))
    assert "the built-in exchange ended (-9): starting it again" in caplog.text


def test_waits_for_its_port(
    exchange: ExchangeProcess,
    own_children: set[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where somebody else took the port meanwhile, it is tried again until it is free."""
    monkeypatch.setattr(child, "_LOOK_EVERY", 0.3)
    url = exchange.start()
    (pid,) = children(os.getpid()) - own_children
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_running(pid), 5, "its end")
    with socket.create_server(("127.0.0.1", port_of(url))):
        wait_for(lambda: "next attempt in" in caplog.text, 20, "the failed attempt")

    wait_for(lambda: answers(url), 30, "the successful attempt")


def test_stop_during_a_start(
    exchange: ExchangeProcess, own_children: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the next one is about to start, none is left over."""
    monkeypatch.setattr(child, "_LOOK_EVERY", 0.01)
    exchange.start()
    (pid,) = children(os.getpid()) - own_children
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: children(os.getpid()) - own_children - {pid}, 10, "the next one")
    exchange.stop()

    wait_for(lambda: not children(os.getpid()) - own_children, 5, "the end of all")


def test_one_that_does_not_start_is_an_error(
    exchange: ExchangeProcess,
    own_children: set[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What does not say where it listens is ended, and the caller told."""
    (tmp_path / "manage.py").write_text("print('good morning')\n")
    monkeypatch.setattr(child, "ROOT", tmp_path)

    with pytest.raises(ChildProcessError, match="the built-in exchange did not start"):
        exchange.start()
    assert own_children == children(os.getpid())


def test_dies_with_its_parent(parent: Parent) -> None:
    """Where the parent is killed and can do nothing more, the exchange ends by itself."""
    assert answers(parent.url)
    os.kill(parent.process.pid, signal.SIGKILL)

    wait_for(lambda: not is_running(parent.exchange_pid), 3, "the exchange's end")
    wait_for(lambda: can_listen(port_of(parent.url)), 3, "the port")


def test_an_interrupt_from_the_keyboard_is_for_the_parent(parent: Parent) -> None:
    """Ctrl-C goes to all processes of a terminal; the exchange lives until its parent ends it."""
    os.killpg(parent.process.pid, signal.SIGINT)
    status = parent.process.wait(PATIENCE)

    assert 0 == status
    assert "" == state(parent.exchange_pid)


def test_is_started_again_by_green_threads_too(parent: Parent) -> None:
    """Whatever the parent's threads are, a killed one is replaced and reaped."""
    os.kill(parent.exchange_pid, signal.SIGKILL)
    wait_for(lambda: not state(parent.exchange_pid), 10, "the zombie's end")

    wait_for(lambda: answers(parent.url), 20, "the next one")
    (pid,) = children(parent.process.pid)
    assert {port_of(parent.url)} == listens(pid)
    assert "wait_selector" == environment(pid)["PSYCOPG_WAIT_FUNC"]


def test_inherits_nothing(exchange: ExchangeProcess, own_children: set[int]) -> None:
    """What its parent has open stays with the parent, listening sockets above all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        url = exchange.start()
        (pid,) = children(os.getpid()) - own_children

        assert {port_of(url)} == listens(pid)
        assert os.readlink(f"/proc/self/fd/{listener.fileno()}") not in descriptors(pid).values()
