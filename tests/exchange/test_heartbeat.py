import asyncio
from collections.abc import Awaitable, Callable

from omcrm.exchange.fault_settings import FaultSettings
from omcrm.exchange.heartbeat import Heartbeat

SETTINGS = FaultSettings(ping_interval=0.02, pong_timeout=0.1)


async def beat(
    on_ping: Callable[[Heartbeat, bytes], None], seconds: float
) -> tuple[Heartbeat, int]:
    """A heartbeat after some time, and how often it found its peer lost."""
    lost: list[None] = []
    heartbeat = Heartbeat(
        SETTINGS, lambda data: on_ping(heartbeat, data), lambda: lost.append(None)
    )
    heartbeat.start()
    await asyncio.sleep(seconds)
    heartbeat.stop()
    return heartbeat, len(lost)


def run(coroutine: Awaitable[tuple[Heartbeat, int]]) -> tuple[Heartbeat, int]:
    """The result of a coroutine."""
    return asyncio.run(coroutine)  # type: ignore[arg-type]


def test_payloads_change_and_right_pongs_are_counted() -> None:
    """Each ping differs from the last; a peer that answers is never lost."""
    payloads: list[bytes] = []

    def reply(heartbeat: Heartbeat, payload: bytes) -> None:
        payloads.append(payload)
        heartbeat.pong(payload)

    heartbeat, lost = run(beat(reply, 0.15))

    assert len(payloads) == len(set(payloads)) > 3
    assert (0, heartbeat.pings, 0) == (lost, heartbeat.pongs, heartbeat.wrong_pongs)


def test_a_wrong_pong_is_a_missing_one() -> None:
    """A pong with another payload does not save the peer."""
    heartbeat, lost = run(beat(lambda heart, data: heart.pong(b"wrong"), 0.15))

    assert lost > 0
    assert 0 == heartbeat.pongs < heartbeat.wrong_pongs


def test_a_pong_answers_the_pings_before_it() -> None:
    """Answering every third ping is enough."""
    seen: list[bytes] = []

    def reply(heartbeat: Heartbeat, payload: bytes) -> None:
        seen.append(payload)
        if len(seen) % 3 == 0:
            heartbeat.pong(payload)

    assert 0 == run(beat(reply, 0.15))[1]
