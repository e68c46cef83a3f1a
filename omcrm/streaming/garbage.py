"""When the garbage collector may look at what: never at ten thousand connections at once."""

import gc

# From so many connections on a look at all of them would be felt; below half of that they are left
# to the collector again.
_MANY = 100
# So many connections come or go between two tidyings.
_CHANGED = 500
# Up to so many connections everything is looked at once in so many changes.
_FEW, _SWEPT = 1000, 20_000


class Garbage:
    """Collects what is new and puts the rest out of the collector's sight, while many are there.

    A full collection over the objects of ten thousand connections would stop everybody for a
    third of a second. Connections need no collector when they end; what else becomes a cycle of
    garbage out of its sight is found when there are fewer of them.
    """

    def __init__(self) -> None:
        self._tidied_at = 0
        self._swept_at = 0
        self._freezes = False

    def tidy(self, changes: int, connections: int) -> None:
        """Tidy up, if enough has changed: `changes` counts the connections that came or went."""
        if connections < _MANY / 2 and self._freezes:
            self._freezes = False
            gc.unfreeze()
            gc.collect()
        elif connections >= _MANY and changes - self._tidied_at >= _CHANGED:
            self._tidied_at = changes
            if connections <= _FEW and changes - self._swept_at >= _SWEPT:
                self._swept_at = changes
                gc.unfreeze()
            self._freezes = True
            gc.collect()
            gc.freeze()
