"""Which kind of threads this process runs on: eventlet's, gevent's, or the system's."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

MODES = ("eventlet", "gevent", "threading")

T = TypeVar("T")


def wished_mode() -> str:
    """What OMCRM_ASYNC says, in the environment or in `.env`; settings check it later.

    Read by hand: nothing else may be imported before the patch.
    """
    name = "OMCRM_ASYNC"
    if name in os.environ:
        return os.environ[name]
    with contextlib.suppress(OSError), open(".env") as file:
        for line in file:
            key, _, value = line.partition("=")
            if key.strip() == name:
                return value.strip().strip("'\"")
    return MODES[0]


def patch(mode: str) -> None:
    """Make the standard library cooperate with `mode`; call it before any other import."""
    # psycopg would block the whole process under green threads; read at its import.
    os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_selector")
    if mode == "eventlet":
        import eventlet

        eventlet.monkey_patch()
    elif mode == "gevent":
        from gevent import monkey

        monkey.patch_all()


def active_mode() -> str:
    """The mode this process was patched for, by us or by gunicorn's worker."""
    eventlet_patcher = sys.modules.get("eventlet.patcher")
    if eventlet_patcher is not None and eventlet_patcher.is_monkey_patched("socket"):
        return "eventlet"
    gevent_monkey = sys.modules.get("gevent.monkey")
    if gevent_monkey is not None and gevent_monkey.is_module_patched("socket"):
        return "gevent"
    return "threading"


def run_in_native_thread(function: Callable[..., T], *args: Any) -> T:
    """The result of `function(*args)`, computed where it does not stop the green threads."""
    mode = active_mode()
    if mode == "eventlet":
        from eventlet import tpool

        return tpool.execute(function, *args)  # type: ignore[no-any-return]
    if mode == "gevent":
        import gevent

        return gevent.get_hub().threadpool.apply(function, args)  # type: ignore[no-any-return]
    return function(*args)
