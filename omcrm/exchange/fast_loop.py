"""An event loop for which time passes faster: a day of faults is played in an hour."""

import asyncio
import selectors
from collections.abc import Callable


def fast_loop(speed: float) -> Callable[[], asyncio.AbstractEventLoop]:
    """Give what makes the loop; what it waits for in the operating system is as slow as ever."""
    return lambda: _FastLoop(speed)


class _FastLoop(asyncio.SelectorEventLoop):
    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_FastSelector(speed))

    def time(self) -> float:
        return super().time() * self._speed


class _FastSelector(selectors.EpollSelector):
    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout and timeout > 0 else timeout)
