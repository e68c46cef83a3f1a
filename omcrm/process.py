"""Settings of the process: memory, garbage collector, descriptors."""

import contextlib
import ctypes
import gc
import resource

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_THRESHOLD = 1024 * 1024
# Python runs one thread at a time: more heaps than these only fragment free memory.
_HEAPS = 2
# New objects between two collections: collecting so many takes a millisecond or two.
_YOUNG = 20_000


def return_free_memory() -> None:
    """Make glibc return free memory to the system; call it once, at the start.

    After the first password hash glibc would keep large blocks, one for every thread that ever
    hashed, and up to eight heaps for each core. Without glibc this does nothing.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        libc.mallopt(_M_ARENA_MAX, _HEAPS)


def collect_garbage_less_often() -> None:
    """Collect garbage less often, and never objects of the start; call it when the app is made.

    Prices create no cycles, so frequent collections find nothing. Only `streaming.garbage` collects
    old objects, when little is to do.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 50, 100_000)


def allow_many_files() -> None:
    """Raise the limit of open descriptors to the system's maximum: each client needs one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
