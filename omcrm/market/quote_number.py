"""The numbers of quotes, by which everybody knows the newer of two."""

# Leaders follow each other by rising tokens, and so do the numbers of their quotes: room for half a
# year at 5 000 a second, and below what JavaScript counts exactly.
_ROOM = 2**36
_STEP = 2


class QuoteNumbers:
    """Gives rising numbers; between two of them is one for `aged_number`. Not thread-safe."""

    def __init__(self) -> None:
        self._last = 0

    def take(self) -> int:
        """The next number."""
        self._last += _STEP
        return self._last

    def begin_above(self, token: int) -> None:
        """Go on with numbers above all those of leaders with lower tokens."""
        self._last = max(self._last, token * _ROOM)


def aged_number(number: int) -> int:
    """The number of a quote whose class a process without the engine has changed: the next one that
    comes from the engine is newer, whatever it says."""
    return number if number % _STEP else number + 1
