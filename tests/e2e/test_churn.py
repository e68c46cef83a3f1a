"""Memory of a running server while many clients connect and disconnect, and some stay."""

import contextlib
import itertools
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from omcrm.concurrency import MODES
from tests.e2e.well_behaved_clients import WellBehavedClients
from tests.processes import PATIENCE, App, Browser, wait_for
from tests.streaming.raw_client import RawClient, closing, frame, text

# Opens and closes of each dialect, in rounds of which the first two warm up.
TIMES = int(os.environ.get("CHURN_TIMES", "100000"))
ROUNDS, WARM = 6, 2
AT_ONCE = 8
STAYING = 10
MOST_GROWTH_MB = 3.0

JOIN = "40/webtrader,"
SUBSCRIBE = "42/webtrader," + json.dumps(["subscribe_to_instruments", {"symbols": ["BTC"]}])
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
POLLING = "/socket.io/?EIO=4&transport=polling"
MESSAGES = {
    "/ws/market/feed": ('{"action":"subscribe","symbols":["BTC"]}',),
    "/ws/realtime/": ('{"type":"subscribe_asset","data":{"symbol":"BTC"}}',),
    "/quotes": ("AAPL,BTC",),
    "/profile/AAPL": (),
    "/market": (),
    "/hours": (),
    SOCKET_IO: (JOIN, SUBSCRIBE),
}
RESET = struct.pack("ii", 1, 0)


def memory(pid: int) -> float:
    """The memory of a process, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def sends_a_close_frame(client: RawClient) -> None:
    client.send(closing())
    client.rest()


def hangs_up(client: RawClient) -> None:
    """Without a close frame."""


def resets(client: RawClient) -> None:
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def breaks_the_protocol(client: RawClient) -> None:
    client.send(frame(3, b"?"))
    client.rest()


ENDS = (sends_a_close_frame, hangs_up, resets, breaks_the_protocol)


class Churn:
    """Opens and closes connections of one dialect after the other."""

    def __init__(self, app: App, browser: Browser) -> None:
        self._app = app
        self._cookie = f"Cookie: {browser.cookies()}"

    def open(self, path: str) -> RawClient:
        headers = (self._cookie, "Origin: http://127.0.0.1") if path == SOCKET_IO else ()
        client = RawClient.open(self._app.port, path, *headers)
        client.send(*map(text, MESSAGES[path]))
        client.read()
        return client

    def _visit(self, path: str, number: int) -> None:
        with self.open(path) as client:
            ENDS[number % len(ENDS)](client)

    def _poll(self, http: requests.Session, number: int) -> None:
        opened = http.get(self._app.base + POLLING, timeout=PATIENCE).text
        sid = json.loads(opened[1:].split("\x1e")[0])["sid"]
        body = "1" if number % 2 else f"{JOIN}\x1e1"
        http.post(f"{self._app.base}{POLLING}&sid={sid}", body, timeout=PATIENCE)

    def round(self, times: int) -> None:
        """So many connections of each dialect, some at a time."""
        for path in (*MESSAGES, POLLING):
            numbers = itertools.count()

            def work(path: str = path, numbers: "itertools.count[int]" = numbers) -> None:
                with requests.Session() as http:
                    while (number := next(numbers)) < times:
                        with contextlib.suppress(ConnectionError):
                            if path == POLLING:
                                self._poll(http, number)
                            else:
                                self._visit(path, number)

            in_threads(work)


def in_threads(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("mode", MODES)
def test_memory_returns(tmp_path: Path, mode: str) -> None:
    """After the first rounds a server's memory does not grow with more connections."""
    many = "10000"
    env = {
        "OMCRM_ASYNC": mode,
        "USE_SECURITY": "false",
        "LOG_LEVEL": "WARNING",
        "MAX_CONNECTIONS_PER_USER": many,
        "MAX_DESK_CONNECTIONS_PER_USER": many,
    }
    held = []
    with App(tmp_path, env) as app, WellBehavedClients() as crowd:
        churn = Churn(app, browser := app.new_browser())
        for path in MESSAGES:
            for _ in range(STAYING):
                crowd.add(churn.open(path))

        def connections() -> dict[str, int]:
            status: dict[str, int] = browser.get("/webtrader/realtime_status").json()["connections"]
            return status

        for number in range(ROUNDS):
            churn.round(TIMES // ROUNDS)
            wait_for(lambda: connections()["open"] <= STAYING * len(MESSAGES), 60, "the last to go")
            time.sleep(1)
            held.append(memory(app.pid))
            print(mode, number, round(held[-1], 1), connections(), flush=True)

    assert held[-1] - held[WARM - 1] <= MOST_GROWTH_MB, held
