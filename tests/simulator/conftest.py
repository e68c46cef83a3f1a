"""A simulator that runs in a thread of its own, and clients for it."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websocket import WebSocket, create_connection

from omcrm.market.catalogue import CATALOGUE
from simulator import player, server
from simulator.market_source import MarketSource, StreamPublisher
from simulator.model import Model
from simulator.replay import Replay
from simulator.simulation import Simulation
from simulator.simulator import Simulator
from tests.processes import PATIENCE

FEW = tuple(item for item in CATALOGUE if item.symbol in {"BTC", "MATIC", "AAPL", "EURUSD"})


class Running:
    """A running simulator; every method may be called from the test's thread."""

    def __init__(self, make_source: Callable[[StreamPublisher], MarketSource]) -> None:
        self.loop = asyncio.new_event_loop()
        self.simulator = Simulator(make_source)
        self.server = self.simulator.binance
        self.port = 0
        self._clients: list[WebSocket] = []
        self._thread = threading.Thread(target=self.loop.run_forever)

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        self._server = self.call(server.listen(self.simulator, 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End, and close the clients' connections."""
        for client in self._clients:
            client.shutdown()
        self.call(server.stop(self.simulator, self._server))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine in the simulator's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def connect(self, path: str = "/ws", **options: Any) -> WebSocket:
        """Open a WebSocket."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        client = create_connection(url, timeout=PATIENCE, **options)
        self._clients.append(client)
        return client

    def request(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, Any, Any]:
        """Return status, decoded body and headers of an HTTP answer."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, _decoded(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read()), error.headers

    def get(self, path: str) -> Any:
        """Return the decoded body of a call that must succeed."""
        status, body, _ = self.request(path)
        assert status == 200, body
        return body

    def fault(self, name: str, /, **options: Any) -> Any:
        """Start a fault."""
        status, body, _ = self.request("/control/faults", "POST", {"fault": name, **options})
        assert status == 200, body
        return body

    def clear(self) -> None:
        """End every fault."""
        assert self.request("/control/faults", "DELETE")[0] == 200


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def command(client: WebSocket, **fields: Any) -> Any:
    """Send a command and return its answer, skipping market messages."""
    client.send(json.dumps(fields))
    return next_message(client, lambda message: not {"e", "stream", "u"} & set(message))


def next_message(client: WebSocket, wanted: Callable[[Any], bool]) -> Any:
    """Return the next message that `wanted` accepts."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        message = json.loads(client.recv())
        if wanted(message):
            return message
    raise AssertionError("no such message came")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, which must come true soon."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[StreamPublisher], MarketSource]], Running]]:
    """Start exchanges that end with the test."""
    started: list[Running] = []

    def start(make_source: Callable[[StreamPublisher], MarketSource]) -> Running:
        running = Running(make_source)
        running.start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def running(serve: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> Running:
    """A simulator that trades four symbols of the model, ten times as often as usual."""
    draw = Model.wait
    monkeypatch.setattr(Model, "wait", lambda model: draw(model) / 10)
    return serve(lambda publisher: Simulation(7, publisher, FEW))


@pytest.fixture
def play(serve: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Running]:
    """Start simulators that play recordings, soon after the first subscription."""

    def start(
        *files: Path, speed: float = float("inf"), delay: float = 0.1, redate: bool = False
    ) -> Running:
        monkeypatch.setattr(player, "START_DELAY", delay)
        return serve(lambda publisher: Replay.open(files, speed, publisher, redate))

    return start


class Room:
    """The helpers of these tests."""

    Running = Running
    FEW = FEW
    command = staticmethod(command)
    next_message = staticmethod(next_message)
    wait_until = staticmethod(wait_until)


@pytest.fixture
def room() -> type[Room]:
    """The helpers of these tests, for a test cannot import this file."""
    return Room
