"""The measured servers: each is started for its run on a free port, and ended by its pid."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.fanout.dialect import body, now, template
from bench.fanout.native import compiled
from omcrm.market.catalogue import CATALOGUE
from tests.processes import PASSWORD, App, Exchange, Process, free_port, wait_for

_NODE = Path(__file__).parent / "node"
_EMAIL = "bench@example.com"
# One account owns all the pages, which the limits would refuse.
NO_LIMITS = {
    "MAX_DESK_CONNECTIONS_PER_USER": "100000",
    "MAX_DESK_CONNECTIONS": "100000",
    "MAX_CONNECTIONS_PER_USER": "100000",
}
_ON_BINANCE = {
    instrument.symbol for instrument in CATALOGUE if "binance" in instrument.provider_symbols
}


class Absent(Exception):
    """A subject cannot be measured here; the message has the reason."""


@dataclass(frozen=True)
class TickLoad:
    """The ticks that the subject sends: each of these symbols `rate` times a second.

    With `logins` there are so many accounts, each with a login of its own; else there is one.
    """

    rate: float
    symbols: tuple[str, ...]
    spread: bool = False
    logins: int = 0


@dataclass(frozen=True)
class Served:
    """A running subject; `feed` is the process that feeds it, if there is one.

    `cookies` is a file with the cookie of each login on a line.
    """

    url: str
    pid: int
    cookies: Path | None = None
    feed: int | None = None


@contextmanager
def _omcrm(mode: str, folder: Path, load: TickLoad) -> Iterator[Served]:
    rate_options = ["--beat", f"{load.rate:g}", *(["--spread"] if load.spread else [])]
    with Exchange(folder, *rate_options) as exchange:
        env = {"OMCRM_ASYNC": mode, "LOG_LEVEL": "WARNING", **NO_LIMITS}
        if set(load.symbols) <= _ON_BINANCE:
            env["BINANCE_WS_URL"] = exchange.url
        else:
            env.update({"OMCRM_DEMO": "true", "OMCRM_EXCHANGE_URL": exchange.url})
        with App(folder, env) as app:
            yield Served(app.base, app.pid, _log_in(app, folder, load.logins), exchange.pid)


def _log_in(app: App, folder: Path, logins: int) -> Path:
    """The file of cookies, after one login over HTTP or so many in the database."""
    if logins:
        text = app.run("-m", "bench.fanout.logins", str(logins))
    else:
        app.create_user(_EMAIL)
        text = app.log_in(_EMAIL).cookies()
    cookies = folder / "cookies"
    cookies.write_text(text)
    return cookies


@contextmanager
def _child(command: list[str], folder: Path, name: str, port: int) -> Iterator[Served]:
    with Process(command, {}, folder / f"{name}.log") as child:

        def listens() -> bool:
            if child.process.poll() is not None:
                raise Absent(f"{name} died: {child.output()[-500:].strip()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(listens, 20, name)
        yield Served(f"http://127.0.0.1:{port}", child.pid)


@contextmanager
def _stock(mode: str, folder: Path, load: TickLoad) -> Iterator[Served]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "bench.fanout.stock", mode]
    command += [str(port), str(load.rate), *load.symbols]
    with _child(command, folder, f"stock-{mode}", port) as served:
        yield served


@contextmanager
def _node(folder: Path, load: TickLoad) -> Iterator[Served]:
    node, port = install_node(), free_port()
    bodies = {symbol: body(symbol, 0, now(), 0) for symbol in load.symbols}
    command = [node, str(_NODE / "server.js"), str(port), str(load.rate), json.dumps(bodies)]
    with _child([*command, str(load.logins)], folder, "node", port) as served:
        cookies = folder / "cookies"
        # The server makes the logins and names them before it listens.
        cookies.write_text((folder / "node.log").read_text().partition("\n\n")[0])
        yield replace(served, cookies=cookies) if load.logins else served


@contextmanager
def _floor(folder: Path, load: TickLoad) -> Iterator[Served]:
    port, templates = free_port(), [template(symbol) for symbol in load.symbols]
    command = [*floor_command(), str(port), str(load.rate), *templates]
    with _child(command, folder, "floor", port) as served:
        yield served


def floor_command() -> list[str]:
    """The floor in C, or in Python where there is no compiler."""
    program = compiled("floor.c")
    return [str(program)] if program else [sys.executable, "-m", "bench.fanout.plain_floor"]


def install_node() -> str:
    """Node, with the packages of the lock file beside the server; raises Absent."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise Absent("node and npm are not here")
    if not (_NODE / "node_modules" / ".package-lock.json").is_file():
        command = [npm, "ci", "--silent", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=_NODE, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Absent(f"npm ci failed: {(done.stderr or done.stdout).strip()[:200]}")
    return node


SUBJECTS: dict[str, Callable[[Path, TickLoad], object]] = {
    "omcrm-eventlet": lambda folder, load: _omcrm("eventlet", folder, load),
    "omcrm-gevent": lambda folder, load: _omcrm("gevent", folder, load),
    "floor": _floor,
    "node": _node,
    "stock-eventlet": lambda folder, load: _stock("eventlet", folder, load),
    "stock-gevent": lambda folder, load: _stock("gevent", folder, load),
}

__all__ = ["PASSWORD", "SUBJECTS", "Absent", "Served", "TickLoad", "floor_command", "install_node"]
