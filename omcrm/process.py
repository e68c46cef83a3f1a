"""What the process asks of the system: memory, the garbage collector, descriptors."""

import contextlib
import ctypes
import gc
import resource

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_THRESHOLD = 1024 * 1024
# Python lets one thread run at a time: more heaps than these only scatter what is free.
_HEAPS = 2
# New objects between two looks for garbage: a look at so many takes a millisecond or two.
_YOUNG = 20_000


def give_back() -> None:
    """Let free memory go back to the system; call it once, at the start.

    glibc learns from the first password hash to keep large blocks, one for every thread that ever
    hashed, and keeps up to eight heaps for each core. Elsewhere this does nothing.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        libc.mallopt(_M_ARENA_MAX, _HEAPS)


def collect_garbage_less_often() -> None:
    """Look for garbage less often, and never again at what is there now; call it once it is made.

    Prices leave no cycles behind: the collector's frequent looks are work without a find. Old
    objects are looked at by `streaming.garbage` alone, when it hurts nobody.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 50, 100_000)


def allow_many_files() -> None:
    """Raise the limit of open descriptors to what the system allows: each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
