"""The faults of several processes, and how each is played."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from simulator.drill.processes.installation import Installation
from simulator.drill.processes.server_process import NotInTime

# How long things are away; what was killed is started again after some of them.
_HUNG, _PAUSED, _LOCKED, _CLOCK, _FULL, _AWAY = 25.0, 20.0, 30.0, 30.0, 30.0, 10.0
_SKEW = 30.0
_CHUNK = 1024 * 1024


class ProcessFault(Struct, frozen=True):
    """A fault; `play` returns when it is over. It needs a standby of the database, a disk of its
    own, or so many clients more at the first web process."""

    about: str
    play: Callable[[Installation], None]
    has_standby: bool = False
    has_disk: bool = False
    crowd: int = 0


def _kill_bus(installation: Installation) -> None:
    installation.redis.kill()
    time.sleep(_AWAY)
    installation.redis.start()


def _empty_bus(installation: Installation) -> None:
    installation.redis.kill()
    installation.redis.start()


def _hang_bus(installation: Installation) -> None:
    with ExitStack() as shut:
        for member in installation.members:
            shut.enter_context(member.relay.shut())
        time.sleep(_HUNG)


def _freeze_bus(installation: Installation) -> None:
    installation.redis.pause()
    time.sleep(_HUNG)
    installation.redis.resume()


def _cut_off(installation: Installation) -> None:
    with installation.webs[0].relay.shut():
        time.sleep(_HUNG)


def _kill_engine(installation: Installation) -> None:
    engine = installation.leader
    engine.kill()
    time.sleep(_AWAY)
    engine.start()


def _pause_engine(installation: Installation) -> None:
    with installation.leader.paused():
        time.sleep(_PAUSED)


def _start_two(installation: Installation) -> None:
    for engine in installation.engines:
        engine.kill()
    starts = [threading.Thread(target=engine.start) for engine in installation.engines]
    for start in starts:
        start.start()
    for start in starts:
        start.join()


def _kill_web(installation: Installation) -> None:
    web = installation.webs[0]
    web.kill()
    time.sleep(_AWAY)
    web.start()


def _kill_database(installation: Installation) -> None:
    installation.database.kill()
    time.sleep(_AWAY)
    installation.database.start()


def _lock_database(installation: Installation) -> None:
    with installation.locked():
        time.sleep(_LOCKED)


def _promote(installation: Installation) -> None:
    if installation.standby is None:
        raise NotInTime("there is no standby")
    installation.database.kill()
    installation.standby.promote()


def _set_clock(installation: Installation, seconds: float, *, of_leader: bool) -> None:
    member = installation.leader if of_leader else installation.webs[0]
    with member.clock.off_by(seconds):
        time.sleep(_CLOCK)


def _fill_disk(installation: Installation) -> None:
    ballast = installation.folder / "ballast"
    until = time.monotonic() + _FULL
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < until:
            fill(file.write, installation.folder)
            time.sleep(0.05)
    ballast.unlink()


def fill(write: Callable[[bytes], int | None], folder: Path) -> None:
    """Write until the disk of this folder has no more room."""
    try:
        while (free := shutil.disk_usage(folder).free) > 0:
            write(bytes(min(free, _CHUNK)))
    except OSError:
        # It is full.
        return


PROCESS_FAULTS: Mapping[str, ProcessFault] = {
    "engine-killed": ProcessFault(
        "the engine that leads is killed, and started again after 10 s", _kill_engine
    ),
    "engine-paused": ProcessFault(
        "the engine that leads is paused (SIGSTOP) for 20 s, and goes on", _pause_engine
    ),
    "engines-at-once": ProcessFault(
        "both engines are killed, and started again at the same moment", _start_two
    ),
    "bus-killed": ProcessFault("Redis is killed, and started again after 10 s", _kill_bus),
    "bus-empty": ProcessFault("Redis is killed, and started again at once, empty", _empty_bus),
    "bus-hung": ProcessFault(
        "nothing gets through between Redis and any process for 25 s; nothing is refused, and what"
        " was on its way arrives late",
        _hang_bus,
    ),
    "bus-frozen": ProcessFault("Redis is paused (SIGSTOP) for 25 s, and goes on", _freeze_bus),
    "web-cut-off": ProcessFault(
        "nothing gets through between Redis and web process 1 for 25 s", _cut_off
    ),
    "web-killed": ProcessFault(
        "web process 1 is killed with 2 000 more clients, and started again after 10 s",
        _kill_web,
        crowd=2000,
    ),
    "database-killed": ProcessFault(
        "PostgreSQL is killed, and started again after 10 s", _kill_database
    ),
    "database-locked": ProcessFault("every table is locked for 30 s", _lock_database),
    "database-promoted": ProcessFault(
        "PostgreSQL is killed, and its synchronous standby promoted", _promote, has_standby=True
    ),
    "engine-clock": ProcessFault(
        "the wall clock of the engine that leads is set 30 s ahead for 30 s, and back",
        lambda installation: _set_clock(installation, _SKEW, of_leader=True),
    ),
    "web-clock": ProcessFault(
        "the wall clock of web process 1 is set 30 s back for 30 s, and right again",
        lambda installation: _set_clock(installation, -_SKEW, of_leader=False),
    ),
    "disk-full": ProcessFault(
        "the disk of the database, the logs and the state files is full for 30 s",
        _fill_disk,
        has_disk=True,
    ),
}
