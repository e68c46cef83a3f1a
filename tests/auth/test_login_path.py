"""How many modules a login passes: who follows one through the code opens so many files.

A module counts where one of its functions runs between the browser's form and the answer. Not
counted are libraries, modules of value types, what every other request passes too (shown by one
that asks for nothing), and `EVERYWHERE` with what that calls in turn.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from flask.testing import FlaskClient

import omcrm
from tests.gateways.test_value_path import is_value_module

PRODUCT = Path(omcrm.__file__).parent
LOGIN = 10
# What every service uses in the same way: nobody opens it for the login's sake.
EVERYWHERE = {
    # Where the settings and the bus are.
    "omcrm.services",
    # Which kind of threads there are.
    "omcrm.concurrency",
    # How rows of any kind are written.
    "omcrm.storage.transaction",
    "omcrm.storage.user_event",
    "omcrm.storage.types",
    "omcrm.storage.outside_text",
    "omcrm.storage.sqlite_file",
}


def module_of(frame: FrameType) -> str | None:
    """The product's module that a function is of; None for a library's."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(PRODUCT) or path.suffix != ".py":
        return None
    return ".".join(("omcrm", *path.relative_to(PRODUCT).with_suffix("").parts))


@contextmanager
def noting(modules: set[str]) -> Iterator[None]:
    """Add the modules whose functions this thread calls, unless one of `EVERYWHERE` calls them."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        module = module_of(frame) if event == "call" else None
        if module is None or module in modules:
            return
        caller: FrameType | None = frame
        while caller is not None:
            if module_of(caller) in EVERYWHERE:
                return
            caller = caller.f_back
        modules.add(module)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_a_login(client: FlaskClient, log_in: Callable, csrf_token: Callable) -> None:
    """With the right password, from a browser that the account does not know."""
    passed: set[str] = set()
    by_every_request: set[str] = set()
    token = csrf_token(client)
    with noting(by_every_request):
        assert 200 == client.get("/healthz").status_code
    fields = {"email": "trader@example.com", "password": "correct horse", "csrf_token": token}
    with noting(passed):
        assert 302 == client.post("/auth/login", data=fields).status_code
    files = {
        module for module in passed - by_every_request if not is_value_module(sys.modules[module])
    }

    assert {"omcrm.auth.routes", "omcrm.auth.service", "omcrm.auth.login_throttle"} <= files
    assert len(files) <= LOGIN, sorted(files)
