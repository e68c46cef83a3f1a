"""What the process keeps of the memory it no longer needs."""

import contextlib
import ctypes
import gc

_M_MMAP_THRESHOLD = -3
_THRESHOLD = 1024 * 1024


def give_back() -> None:
    """Let large blocks go back to the system as soon as they are free; call it once, at the start.

    glibc learns from the first password hash to keep such blocks, one for every thread that ever
    hashed. Elsewhere this does nothing.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)


def collect_seldom() -> None:
    """Look for garbage less often, and never again at what is there now; call it once it is made.

    Prices leave no cycles behind: the collector's frequent looks are work without a find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
