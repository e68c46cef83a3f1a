"""The servers under test in all three modes, one process each for all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omcrm.concurrency import MODES
from tests.streaming.conformance.engine_client import EngineClient
from tests.streaming.conformance.served import LeakCheck, Served
from tests.streaming.conformance.talk import Talk

PATHS = ("engine.io", "quick.io", "lively.io", "socket.io", "hasty.io")


@pytest.fixture(scope="session")
def in_mode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """Gives the process of a mode, started on first use."""
    folder: Path = tmp_path_factory.mktemp("conformance")
    running: dict[str, Served] = {}
    with ExitStack() as at_the_end:

        def start(mode: str) -> Served:
            if mode not in running:
                served = running[mode] = at_the_end.enter_context(Served(folder, mode))
                warm_up(served)
            return running[mode]

        yield start


def warm_up(served: Served) -> None:
    """Use every server, so that it opens its permanent descriptors."""
    for path in PATHS:
        with EngineClient(served, path) as client:
            client.websocket()


@pytest.fixture(scope="module", params=MODES)
def served(request: pytest.FixtureRequest, in_mode: Callable[[str], Served]) -> Iterator[Served]:
    """The servers under test; after a module its clients must have left nothing open."""
    served = in_mode(request.param)
    leak_check = LeakCheck(served)
    yield served
    leak_check.end()


@pytest.fixture
def engine(served: Served) -> Iterator[EngineClient]:
    """A client of Engine.IO."""
    with EngineClient(served, "engine.io") as client:
        yield client


@pytest.fixture
def quick(served: Served) -> Iterator[EngineClient]:
    """A client of Engine.IO with a short heartbeat."""
    with EngineClient(served, "quick.io") as client:
        yield client


@pytest.fixture
def lively(served: Served) -> Iterator[EngineClient]:
    """A client of Engine.IO with a short ping interval and a long ping timeout."""
    with EngineClient(served, "lively.io") as client:
        yield client


@pytest.fixture
def realtime(served: Served) -> Iterator[EngineClient]:
    """A client of Socket.IO."""
    with EngineClient(served, "socket.io") as client:
        yield client


@pytest.fixture
def hasty(served: Served) -> Iterator[EngineClient]:
    """A client of Socket.IO with a short heartbeat and a short connect timeout."""
    with EngineClient(served, "hasty.io") as client:
        yield client


@pytest.fixture
def talk(realtime: EngineClient) -> Talk:
    """A connection that has joined nothing."""
    return Talk(realtime)


@pytest.fixture
def joined(talk: Talk) -> Talk:
    """A connection that has joined the main namespace."""
    talk.join()
    return talk
