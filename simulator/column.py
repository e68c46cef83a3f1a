"""Columns of whole numbers, packed so that a day by the minute stays small."""

from array import array
from typing import overload

from simulator.fixed import ONE


class WideColumn:
    """Numbers too big for 64 bits, such as quote volumes in 1e-16, kept in two halves."""

    def __init__(self) -> None:
        self._high = array("q")
        self._low = array("q")

    def __len__(self) -> int:
        return len(self._high)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, int):
            return self._high[index] * ONE + self._low[index]
        pairs = zip(self._high[index], self._low[index], strict=True)
        return [high * ONE + low for high, low in pairs]

    def __delitem__(self, index: int | slice) -> None:
        del self._high[index]
        del self._low[index]

    def append(self, value: int) -> None:
        """Add one number at the end."""
        high, low = divmod(value, ONE)
        self._high.append(high)
        self._low.append(low)
