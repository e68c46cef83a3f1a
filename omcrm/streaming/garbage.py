"""When the garbage collector may look at what: never at ten thousand connections at once."""

import gc

# So many connections come or go between two tidyings.
_CHANGED = 500
# From so many connections on they are put out of sight, until half of them are left.
_MANY = 100
# Up to so many connections all is looked at once in so many changes.
_FEW, _SWEPT = 1000, 20_000


class Garbage:
    """Collects what is new and, while many are connected, puts the rest out of its sight.

    A full collection over the objects of ten thousand connections would stop everybody for a third
    of a second. Connections need no collector when they end; what else becomes a cycle of garbage
    out of sight is found when there are fewer of them.
    """

    def __init__(self) -> None:
        self._tidied_at = 0
        self._swept_at = 0
        self._hides = False

    def tidy(self, changes: int, connections: int) -> None:
        """Tidy up, if enough has changed: `changes` counts the connections that came or went."""
        falls = self._hides and connections < _MANY / 2
        if not falls and changes - self._tidied_at < _CHANGED:
            return
        self._tidied_at = changes
        hides = connections >= _MANY
        sweeps = falls or (hides and connections <= _FEW and changes - self._swept_at >= _SWEPT)
        if sweeps:
            self._swept_at = changes
            gc.unfreeze()
        gc.collect()
        if hides or sweeps:
            # What the process began with is out of sight again, too.
            gc.freeze()
        self._hides = hides or (self._hides and not falls)
