"""An event loop whose time passes faster: a day of faults takes an hour."""

import asyncio
import selectors
from collections.abc import Callable


def fast_loop(speed: float) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of a loop `speed` times as fast; the operating system's own delays stay as
    they are."""
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
