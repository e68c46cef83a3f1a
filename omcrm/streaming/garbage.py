"""Controls the garbage collector: it never scans ten thousand connections at once."""

import gc

# So many connections open or close between two collections.
_CHANGED = 500
# From so many connections on their objects are frozen, until half of them are left.
_MANY = 100
# Up to so many connections everything is collected after so many changes.
_FEW, _SWEPT = 1000, 20_000


class Garbage:
    """Collects new objects and, while many clients are connected, freezes the older ones.

    A full collection over the objects of ten thousand connections would stop the process for a
    third of a second. Connections need no collector when they end; other garbage cycles among
    frozen objects are collected when fewer connections are left.
    """

    def __init__(self) -> None:
        self._tidied_at = 0
        self._swept_at = 0
        self._freezes = False

    def tidy(self, changes: int, connections: int) -> None:
        """Collect if enough has changed: `changes` counts the connections opened and closed."""
        unfreezes = self._freezes and connections < _MANY / 2
        if not unfreezes and changes - self._tidied_at < _CHANGED:
            return
        self._tidied_at = changes
        freezes = connections >= _MANY
        collects_all = unfreezes or (
            freezes and connections <= _FEW and changes - self._swept_at >= _SWEPT
        )
        if collects_all:
            self._swept_at = changes
            gc.unfreeze()
        gc.collect()
        if freezes or collects_all:
            # Also freezes the objects that the process began with again.
            gc.freeze()
        self._freezes = freezes or (self._freezes and not unfreezes)
