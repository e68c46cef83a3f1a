import asyncio
from collections.abc import Callable

from simulator.fault_settings import FaultSettings
from simulator.heartbeat import Heartbeat
from tests.processes import PATIENCE

SETTINGS = FaultSettings(ping_interval=0.02, pong_timeout=0.1)


async def _run_heartbeat(
    on_ping: Callable[[Heartbeat, bytes], None], pings: int, is_lost: bool
) -> tuple[Heartbeat, int]:
    lost: list[None] = []
    enough = asyncio.Event()

    def check() -> None:
        if heartbeat.pings >= pings and len(lost) >= is_lost:
            enough.set()

    def ping(data: bytes) -> None:
        on_ping(heartbeat, data)
        check()

    def lose() -> None:
        lost.append(None)
        check()

    heartbeat = Heartbeat(SETTINGS, ping, lose)
    heartbeat.start()
    await asyncio.wait_for(enough.wait(), PATIENCE)
    heartbeat.stop()
    return heartbeat, len(lost)


def run_heartbeat(
    on_ping: Callable[[Heartbeat, bytes], None], pings: int, *, is_lost: bool = False
) -> tuple[Heartbeat, int]:
    """A heartbeat after so many pings, and how often its peer was lost."""
    return asyncio.run(_run_heartbeat(on_ping, pings, is_lost))


def test_payloads_change_and_right_pongs_are_counted() -> None:
    """Each ping differs from the last; a peer that answers is never lost."""
    payloads: list[bytes] = []

    def reply(heartbeat: Heartbeat, payload: bytes) -> None:
        payloads.append(payload)
        heartbeat.pong(payload)

    heartbeat, lost = run_heartbeat(reply, 4)

    assert len(payloads) == len(set(payloads)) > 3
    assert (0, heartbeat.pings, 0) == (lost, heartbeat.pongs, heartbeat.wrong_pongs)


def test_a_wrong_pong_is_a_missing_one() -> None:
    """A pong with another payload does not count."""
    heartbeat, lost = run_heartbeat(lambda heart, data: heart.pong(b"wrong"), 1, is_lost=True)

    assert lost > 0
    assert 0 == heartbeat.pongs < heartbeat.wrong_pongs


def test_a_pong_answers_the_pings_before_it() -> None:
    """Answering every third ping is enough."""
    seen: list[bytes] = []
    waiting: list[int] = []

    def reply(heartbeat: Heartbeat, payload: bytes) -> None:
        seen.append(payload)
        if len(seen) % 3 == 0:
            heartbeat.pong(payload)
            waiting.append(len(heartbeat._waiting))

    run_heartbeat(reply, 9)

    assert [0, 0, 0] == waiting
