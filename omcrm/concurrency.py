"""The kind of threads of this process: eventlet's, gevent's, or the system's."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    import select
    import signal
    from threading import Lock

MODES = ("eventlet", "gevent", "threading")
# A lost SystemExit is raised again after so many seconds.
_AGAIN = 0.02

T = TypeVar("T")


def patch(mode: str) -> None:
    """Make the standard library cooperate with `mode`; call it before any other import."""
    # psycopg would block the whole process under green threads; it reads this at its import.
    os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_selector")
    if mode == "eventlet":
        with without_deprecation():
            import eventlet

        eventlet.monkey_patch()
    elif mode == "gevent":
        from gevent import monkey

        monkey.patch_all()


def renew_hub(mode: str) -> None:
    """Create a new hub after a fork."""
    if mode == "eventlet":
        from eventlet import hubs

        hubs.use_hub()
    elif mode == "gevent":
        import gevent

        gevent.reinit()


@contextlib.contextmanager
def without_deprecation() -> Iterator[None]:
    """Inside of it eventlet's deprecation warning, which README mentions, is not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")
        yield


def active_mode() -> str:
    """The mode that this process was patched for, by us or by gunicorn's worker."""
    eventlet_patcher = sys.modules.get("eventlet.patcher")
    if eventlet_patcher is not None and eventlet_patcher.is_monkey_patched("socket"):
        return "eventlet"
    gevent_monkey = sys.modules.get("gevent.monkey")
    if gevent_monkey is not None and gevent_monkey.is_module_patched("socket"):
        return "gevent"
    return "threading"


def spawn(function: Callable[..., object], *args: Any) -> None:
    """Call `function(*args)` in a new thread of the cheapest kind; it must not raise."""
    mode = active_mode()
    if mode == "eventlet":
        import eventlet

        eventlet.spawn_n(function, *args)
    elif mode == "gevent":
        import gevent

        gevent.spawn(function, *args)
    else:
        import threading

        threading.Thread(target=function, args=args, daemon=True).start()


def end_on(*signals: "signal.Signals") -> None:
    """Raise SystemExit in the caller's thread, which must be the main one, on these signals.

    A signal's handler runs in any green thread, where an exception would be lost. With green
    threads the signal therefore wakes a watcher thread, which throws it into the main one.
    """
    # Not at the top of the file: nothing may be imported before the patch.
    import signal
    import socket
    import threading

    mode = active_mode()
    if mode == "threading":
        for signum in signals:
            signal.signal(signum, _exit)
        sys.unraisablehook = partial(_repeat_signal, signals[0])
        return
    from greenlet import getcurrent

    main = getcurrent()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for signum in signals:
        signal.signal(signum, lambda number, frame: None)
    signal.set_wakeup_fd(writer.fileno())

    def watch() -> None:
        # The writer must stay open while the signals are handled.
        with reader, writer:
            reader.recv(1)
            signal.set_wakeup_fd(-1)
        _throw_exit(mode, main)

    threading.Thread(target=watch, name="signals", daemon=True).start()


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _repeat_signal(number: int, lost: "sys.UnraisableHookArgs") -> None:
    """Send the signal again if its SystemExit was raised in a finalizer, which swallows it."""
    import threading

    if lost.exc_type is SystemExit and threading.current_thread() is threading.main_thread():
        threading.Timer(_AGAIN, os.kill, [os.getpid(), number]).start()
    else:
        sys.__unraisablehook__(lost)


def _throw_exit(mode: str, main: Any) -> None:
    if mode == "eventlet":
        from eventlet import hubs

        hubs.get_hub().schedule_call_global(0, main.throw, SystemExit(0))
    else:
        import gevent

        gevent.get_hub().loop.run_callback(main.throw, SystemExit(0))


def run_in_native_thread(function: Callable[..., T], *args: Any) -> T:
    """The result of `function(*args)`, computed without blocking the green threads."""
    mode = active_mode()
    if mode == "eventlet":
        from eventlet import tpool

        return tpool.execute(function, *args)  # type: ignore[no-any-return]
    if mode == "gevent":
        import gevent

        return gevent.get_hub().threadpool.apply(function, args)  # type: ignore[no-any-return]
    return function(*args)


def start_native_thread(function: Callable[..., object], *args: Any) -> None:
    """Call `function(*args)` in a thread of the system, beside the green threads.

    It must not raise, and may use nothing that these patch, such as locks and sockets.
    """
    mode = active_mode()
    if mode == "gevent":
        from gevent.monkey import get_original

        get_original("_thread", "start_new_thread")(function, args)
        return
    if mode == "eventlet":
        from eventlet.patcher import original

        threading = original("threading")
    else:
        import threading
    threading.Thread(target=function, args=args, name="native", daemon=True).start()


def native_lock() -> "Lock":
    """A lock of the system's threads, for code that never switches green threads under it.

    Only one green thread can be in such code at a time; their own locks cost ten times as much.
    """
    mode = active_mode()
    if mode == "eventlet":
        from eventlet.patcher import original

        return original("threading").Lock()  # type: ignore[no-any-return]
    if mode == "gevent":
        from gevent.monkey import get_original

        return get_original("_thread", "allocate_lock")()  # type: ignore[no-any-return]
    from threading import Lock

    return Lock()


def native_epoll() -> "select.epoll":
    """The system's own epoll, which the green threads' patches remove."""
    mode = active_mode()
    if mode == "eventlet":
        from eventlet.patcher import original

        return original("select").epoll()  # type: ignore[no-any-return]
    if mode == "gevent":
        from gevent.monkey import get_original

        return get_original("select", "epoll")()  # type: ignore[no-any-return]
    import select

    return select.epoll()


class EpollWaiter:
    """Waits on an epoll while other threads of the process, also green ones, run.

    Belongs to the waiting thread. Under green threads their hub watches the epoll itself, and keeps
    doing so: to register it for each wait would cost time for every descriptor in it.
    """

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self._sleep: Callable[[float | None], None] | None = {
            "eventlet": self._eventlet_sleep,
            "gevent": self._gevent_sleep,
            "threading": None,
        }[active_mode()]
        self._sleeper: Any = None
        self._watcher: Any = None

    def poll(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        """The events, after at most `timeout` seconds."""
        if self._sleep is None:
            return self._epoll.poll(timeout, most)
        events = self._epoll.poll(0, most)
        if events or timeout == 0:
            return events
        self._sleep(timeout)
        return self._epoll.poll(0, most)

    def _eventlet_sleep(self, timeout: float | None) -> None:
        from eventlet import getcurrent
        from eventlet.hubs import get_hub

        hub = get_hub()
        if self._watcher is None:
            self._watcher = hub.add(
                hub.READ, self._epoll.fileno(), self._wake, self._wake, lambda: None
            )
        self._sleeper = getcurrent()
        timer = None if timeout is None else hub.schedule_call_global(timeout, self._wake)
        hub.switch()
        if timer is not None:
            timer.cancel()

    def _wake(self, *_: object) -> None:
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None:
            sleeper.switch()

    def _gevent_sleep(self, timeout: float | None) -> None:
        import gevent

        hub = gevent.get_hub()
        if self._watcher is None:
            self._watcher = hub.loop.io(self._epoll.fileno(), 1)
        with gevent.Timeout(timeout, False):
            hub.wait(self._watcher)
