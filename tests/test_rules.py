"""The project's rules that a program can check.

Long for a reason: it is a list of rules, each with its short test.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT

# The product, and the simulator that it is tried and shown with.
PRODUCT, SIMULATOR = "omcrm", "simulator"

# Imports go one way: which rooms each room may import besides itself.
BELOW_PAGES = {"market", "wire", "feeds", "streaming", "storage", "engine"}
MAY_IMPORT = {
    "market": set(),
    "wire": {"market"},
    "feeds": {"market"},
    "streaming": {"market", "wire"},
    "storage": {"market"},
    "engine": {"market", "feeds", "streaming"},
    "auth": BELOW_PAGES,
    "web": BELOW_PAGES | {"auth"},
    "admin": BELOW_PAGES | {"auth", "web"},
    "portfolio": {"market", "wire", "storage", "streaming", "engine", "auth", "web"},
    "pricing": {"market", "feeds", "engine", "storage", "web"},
    "gateways": BELOW_PAGES | {"auth", "web", "portfolio", "pricing"},
    "webtrader": BELOW_PAGES | {"auth", "web", "admin", "gateways", "pricing"},
    "reference": {"market", "wire", "feeds", "auth", "gateways"},
    "maintenance": {"market", "feeds", "storage"},
    "serving": {"streaming"},
    "simulator": {"market"},
    "simulator.drill": {"market", "feeds", "engine", "webtrader"},
}
SIMULATORS = {room for room in MAY_IMPORT if room.partition(".")[0] == SIMULATOR}
# The modules outside of the rooms, and which rooms may import them. `omcrm` itself is `create_app`.
PURE = {"market", "wire", "simulator", "feeds", "streaming", "engine"}
WITH_SETTINGS = MAY_IMPORT.keys() - PURE - SIMULATORS
OUTSIDE = {
    "omcrm.errors": MAY_IMPORT.keys() - SIMULATORS,
    "omcrm.child": {"simulator.drill"},
    "omcrm.number_option": SIMULATORS | {"webtrader", "pricing"},
    "omcrm.env_file": {"reference", "maintenance"},
    "omcrm.logs": {"pricing"},
    "omcrm.settings": WITH_SETTINGS,
    "omcrm.extensions": WITH_SETTINGS,
    "omcrm.services": WITH_SETTINGS,
    "omcrm.secret_key": {"maintenance"},
    "omcrm.concurrency": WITH_SETTINGS | {"streaming", "feeds", "engine"},
}
# Commands create the app that they work on.
COMMANDS = {
    "omcrm.auth.command": {"omcrm"},
    "omcrm.pricing.command": {"omcrm"},
    "omcrm.pricing.engine_process": {"omcrm"},
    "omcrm.reference.command": {"omcrm"},
}

FRAMEWORKS = ("flask", "flask_socketio", "sqlalchemy", "eventlet", "gevent")

# Modules without a test of their name, and the reason.
UNTESTED = {
    "omcrm/extensions.py": "creates objects and does nothing with them",
    "omcrm/engine/market_engine.py": "names types",
    "omcrm/market/clock.py": "names a type",
    "omcrm/wire/field.py": "names types",
    "omcrm/feeds/providers/_template/stream.py": "tests/feeds/test_provider_contract.py",
    "simulator/drill/processes/account.py": "test_process_drill.py",
    "simulator/drill/processes/installation.py": "test_process_drill.py",
    "simulator/drill/processes/postgresql_server.py": "tests/storage/test_postgresql_outage.py",
    "simulator/__main__.py": "runs the command, which has its test",
}
LONGEST, LONG, LONGEST_FUNCTION = 500, 300, 50
NAMELESS = {"utils", "helpers", "common", "misc", "util", "helper"}
WRITTEN = {".py", ".js", ".css", ".html"}
NOT_OURS = {"vendor", "node_modules", "instance", "__pycache__"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    name_of(path): path
    for package in (PRODUCT, SIMULATOR)
    for path in sorted((ROOT / package).rglob("*.py"))
}


def room_of(module: str) -> str | None:
    """The room of a module; None for a module outside of the rooms."""
    package, *parts = module.split(".")
    if package == SIMULATOR:
        inner = ".".join([package, *parts[:1]])
        return inner if inner in MAY_IMPORT else package
    return parts[0] if parts and parts[0] in MAY_IMPORT else None


def written() -> Iterator[Path]:
    """Every file of the project that is written by hand."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [folder for folder in folders if folder not in NOT_OURS and folder[0] != "."]
        yield from (Path(folder, name) for name in names if Path(name).suffix in WRITTEN)


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, also inside of functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by dots"
            # The imported name may be a module or a name inside of one.
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else str(node.module)


def run(program: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


# Imports go one way


def may_import(module: str, imported: str) -> bool:
    if imported.partition(".")[0] not in (PRODUCT, SIMULATOR) or imported in COMMANDS.get(
        module, ()
    ):
        return True
    room, other = room_of(module), room_of(imported)
    if other is None:
        return room in OUTSIDE.get(imported, ())
    return other == room or other in MAY_IMPORT[room]


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module)])
def test_a_room_imports_only_the_rooms_below_it(module: str) -> None:
    """All imports point towards the market core, and no pure room imports settings."""
    wrong = [
        dependency for dependency in imports(MODULES[module]) if not may_import(module, dependency)
    ]

    assert [] == wrong


def test_the_product_imports_nothing_of_the_simulator() -> None:
    """The product may start the simulator as a child process, no more."""
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        if module.partition(".")[0] == PRODUCT
        for imported in imports(path)
        if imported.partition(".")[0] == SIMULATOR
    ]

    assert [] == wrong


def test_every_folder_is_a_room() -> None:
    """A new room needs an entry in MAY_IMPORT."""
    folders = {path.parent.name for path in (ROOT / PRODUCT).glob("*/__init__.py")}

    assert MAY_IMPORT.keys() - SIMULATORS == folders


def test_rooms_have_no_cycles() -> None:
    """No two rooms import each other, not even indirectly."""
    below = {room: set(imported) for room, imported in MAY_IMPORT.items()}
    for _ in MAY_IMPORT:
        for imported in below.values():
            imported.update(*[below[room] for room in imported])

    assert not any(room in imported for room, imported in below.items())


BLOCKED = """
import importlib, json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FRAMEWORKS:
            raise ImportError(name + " is not here")

FRAMEWORKS = sys.argv[1].split(",")
sys.meta_path.insert(0, Blocker())
failed = {}
for module in sys.argv[2:]:
    try:
        importlib.import_module(module)
    except ImportError as error:
        failed[module] = str(error)
print(json.dumps(failed))
"""


@pytest.mark.parametrize("room", sorted(PURE))
def test_a_pure_room_works_without_any_framework(room: str) -> None:
    """Without Flask, the database and green threads every module can be imported."""
    modules = [module for module in MODULES if room_of(module) == room]

    assert len(modules) > 1
    assert {} == run(BLOCKED, ",".join(FRAMEWORKS), *modules)


def test_a_missing_framework_is_noticed() -> None:
    """The test above notices an import of Flask."""
    assert {"omcrm.web.routes"} == run(BLOCKED, "flask", "omcrm.web.routes", "omcrm.errors").keys()


# Nothing happens on import

IMPORTED = """
import importlib, json, os, stat, sys, threading

called = []
EVENTS = {"socket.connect", "socket.listen", "subprocess.Popen", "os.fork"}
sys.addaudithook(lambda event, _: called.append(event) if event in EVENTS else None)
for module in sys.argv[1:]:
    importlib.import_module(module)

def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False

print(json.dumps({
    "threads": [thread.name for thread in threading.enumerate()],
    "sockets": [number for number in range(3, 256) if is_socket(number)],
    "called": called,
}))
"""


def test_importing_everything_starts_nothing() -> None:
    """No import starts a thread, a socket or a process."""
    assert {"threads": ["MainThread"], "sockets": [], "called": []} == run(IMPORTED, *MODULES)


# Transactions


def test_only_a_transaction_commits() -> None:
    """What belongs together is committed together: by `transaction()`, which services open."""
    ends = re.compile(r"\bdb\.session(?:\(\))?\.(?:commit|rollback)\b")
    committing = [name for name, path in MODULES.items() if ends.search(path.read_text())]

    assert ["omcrm.storage.transaction"] == committing


# Sizes and names


def test_no_file_is_too_long_to_read() -> None:
    """Every file that is written by hand is below the limit."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in written()
    }

    assert len(lengths) > 100
    assert {} == {name: length for name, length in lengths.items() if length > LONGEST}


def reason_given(path: Path) -> bool:
    text = path.read_text()
    top = (ast.get_docstring(ast.parse(text)) or "") if path.suffix == ".py" else text[:500]
    return "reason" in top.lower()


def test_a_long_file_gives_its_reason() -> None:
    """Above three hundred lines the top of the file has the reason."""
    long = [path for path in written() if len(path.read_text().splitlines()) > LONG]

    assert [] == [str(path.relative_to(ROOT)) for path in long if not reason_given(path)]


def test_no_function_is_too_long_to_read() -> None:
    """So many lines fit on a screen, with the signature and the docstring."""
    functions = (
        (node.end_lineno - node.lineno + 1, f"{name}:{node.name}")
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )

    assert [] == [function for function in functions if function[0] > LONGEST_FUNCTION]


def test_files_are_named_after_their_content() -> None:
    """No file is a collection of leftovers."""
    assert [] == [str(path.relative_to(ROOT)) for path in written() if path.stem in NAMELESS]


# Tests mirror the code


def has_test(module: str) -> bool:
    path = Path(module)
    path = path.relative_to(PRODUCT) if path.parts[0] == PRODUCT else path
    return (ROOT / "tests" / path.with_name(f"test_{path.name}")).is_file()


def test_every_module_has_the_test_of_its_name() -> None:
    """The test is in the same place below `tests`."""
    modules = {
        str(path.relative_to(ROOT)) for path in MODULES.values() if path.name != "__init__.py"
    }
    untested = {module for module in modules if not has_test(module)}

    assert [] == sorted(untested - UNTESTED.keys())


def test_exceptions_are_still_needed() -> None:
    """A module that has a test, or was deleted, is no exception."""
    assert [] == [path for path in UNTESTED if has_test(path) or not (ROOT / path).is_file()]


def test_every_module_has_a_docstring() -> None:
    """It begins with a sentence about the module."""
    undocumented = [
        module
        for module, path in MODULES.items()
        if not (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].endswith(".")
    ]

    assert [] == undocumented


# Words


def test_loop_variables_are_nouns() -> None:
    """A loop's variable is named after the items, not `each`."""
    nameless = [
        f"{path.relative_to(ROOT)}:{node.target.lineno}"
        for path in written()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.For | ast.comprehension)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name) and name.id == "each"
    ]

    assert [] == nameless
