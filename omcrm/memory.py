"""What the process keeps of the memory it no longer needs."""

import contextlib
import ctypes

_M_MMAP_THRESHOLD = -3
_THRESHOLD = 1024 * 1024


def give_back() -> None:
    """Let large blocks go back to the system as soon as they are free; call it once, at the start.

    glibc learns from the first password hash to keep such blocks, one for every thread that ever
    hashed. Elsewhere this does nothing.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
