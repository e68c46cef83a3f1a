"""When the garbage collector may look at what: never at ten thousand connections at once."""

import gc

# So many connections come or go between two tidyings.
_CHANGED = 500
_MANY = 100


class Garbage:
    """Collects what is new and puts the rest out of the collector's sight.

    A full collection over the objects of ten thousand connections would stop everybody for a
    third of a second. What is out of sight and becomes a cycle of garbage is found when all
    connections have gone.
    """

    def __init__(self) -> None:
        self._tidied_at = 0
        self._peak = 0

    def tidy(self, changes: int, connections: int) -> None:
        """Tidy up, if enough has changed: `changes` counts the connections that came or went."""
        self._peak = max(self._peak, connections)
        if not connections and self._peak >= _MANY:
            self._peak = 0
            gc.unfreeze()
        elif changes - self._tidied_at < _CHANGED:
            return
        self._tidied_at = changes
        gc.collect()
        gc.freeze()
