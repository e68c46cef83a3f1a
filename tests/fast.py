"""Which tests are fast: nothing that they or their fixtures call reaches out of the process."""

import functools
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

# Who uses one of these opens sockets, starts processes, or makes a database, which takes long.
OUTSIDE = {
    "flask_sqlalchemy",
    *("asyncio", "http.client", "multiprocessing", "playwright", "requests", "socket", "socketio"),
    *("socketserver", "subprocess", "urllib.request", "websocket", "websockets"),
}
# What fails in a run of the fast tests, by the names of Python's audit events. A pair of sockets
# within the process is allowed: green threads and asyncio need one.
REFUSED = {
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"),
    *("socket.bind", "socket.connect", "socket.sendto"),
}


def is_fast(item: pytest.Function) -> bool:
    """Whether neither the test nor a fixture or parameter of it reaches out, as its code shows."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    functions = [item.function, *(fixture.func for few in fixtures for fixture in few)]
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    functions += [value for value in parameters if isinstance(value, FunctionType | type)]
    return not any(_reaches_out(function) for function in functions)


@functools.cache
def _reaches_out(function: Any) -> bool:
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if _is_outside(thing):
            return True
        waiting += _used_by(thing)
    return False


def _is_outside(thing: Any) -> bool:
    name = thing if isinstance(thing, str) else _module_of(thing)
    parts = name.split(".")
    return any(".".join(parts[:length]) in OUTSIDE for length in range(1, len(parts) + 1))


def _module_of(thing: Any) -> str:
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", "")
    return name if isinstance(name, str) else ""


def _used_by(thing: Any) -> Iterator[Any]:
    """What a function, or a class's methods, of the tests name."""
    if isinstance(thing, str) or not _module_of(thing).startswith("test"):
        return
    if isinstance(thing, type):
        yield from thing.__mro__[1:]
        yield from (value for value in vars(thing).values() if callable(value))
        return
    inner = getattr(getattr(thing, "hypothesis", None), "inner_test", None)
    yield from (wrapped for wrapped in (inner, getattr(thing, "__wrapped__", None)) if wrapped)
    if not isinstance(thing, FunctionType):
        return
    names = _names(thing.__code__)
    # Those that are imported inside of the function.
    yield from names & OUTSIDE
    for value in (thing.__globals__[name] for name in names if name in thing.__globals__):
        yield value
        if isinstance(value, ModuleType):
            yield from (f"{value.__name__}.{inside}" for inside in names)
            yield from (vars(value)[inside] for inside in names if inside in vars(value))


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


class Refusal:
    """A plugin: lets fast tests fail that reach out of the process all the same."""

    def __init__(self) -> None:
        self._reached: list[str] = []
        self._is_testing = False
        sys.addaudithook(self._refuse)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Refuse during tests only: pytest itself starts processes."""
        self._is_testing = True
        try:
            return (yield)
        finally:
            self._is_testing = False

    @pytest.fixture(autouse=True)
    def _nothing_reached_out(self) -> Iterator[None]:
        self._reached.clear()
        yield
        # A thread's exception would not fail the test.
        assert [] == self._reached, "not fast: mark it `outside`"

    def _refuse(self, event: str, _: object) -> None:
        if self._is_testing and event in REFUSED:
            self._reached.append(event)
            raise AssertionError(f"not fast: {event}; mark it `outside`")
