"""One connection of one key at a time, among all processes of this machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omcrm.feeds.lease import Leases, lease_name
from tests.process_table import descriptors
from tests.processes import ROOT, wait_for

# Takes the lease, prints whether it got it, and holds it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from omcrm.feeds.lease import Leases
leases = Leases(Path(sys.argv[1]))
print(leases.take("finnhub", sys.argv[2]), flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, api_key: str = "key") -> Iterator[tuple[subprocess.Popen[str], bool]]:
    """Another process, and whether it has the lease."""
    command = [sys.executable, "-c", HOLDER, str(folder), api_key]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        try:
            yield child, child.stdout.readline().strip() == "True"
        finally:
            child.kill()


# Within one process


def test_a_lease_is_taken_once_and_given_back(tmp_path: Path) -> None:
    """The holder keeps it, another one gets it after it is released."""
    one, two = Leases(tmp_path), Leases(tmp_path)

    assert [True, True, False] == [owner.take("a", "key") for owner in (one, one, two)]
    one.give_back("a", "key")
    assert [True, False] == [owner.take("a", "key") for owner in (two, one)]
    two.give_back("a", "key")


def test_each_key_of_each_source_has_its_own_lease(tmp_path: Path) -> None:
    """Another key, or the same key at another upstream, is another lease."""
    one, two = Leases(tmp_path), Leases(tmp_path)
    accounts = [("a", "key"), ("a", "other"), ("b", "key"), ("a", "")]

    assert all(one.take(*api_key) for api_key in accounts)
    assert not any(two.take(*api_key) for api_key in accounts)
    one.give_back("a", "key")
    assert [True, False, False, False] == [two.take(*api_key) for api_key in accounts]
    for leases in (one, two):
        for api_key in accounts:
            leases.give_back(*api_key)


def test_giving_back_what_is_not_held_is_harmless(tmp_path: Path) -> None:
    """Neither a missing lease nor another holder's lease is affected."""
    one, two = Leases(tmp_path), Leases(tmp_path)
    one.take("a", "key")
    two.give_back("a", "key")
    two.give_back("a", "never")

    assert not two.take("a", "key")
    one.give_back("a", "key")


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    """Neither a failed attempt nor a release leaves a file open."""
    one, two = Leases(tmp_path), Leases(tmp_path)
    for _ in range(5):
        one.take("a", "key")
        two.take("a", "key")
        one.give_back("a", "key")

    assert not any(
        descriptor.startswith(str(tmp_path)) for descriptor in descriptors(os.getpid()).values()
    )


# What is on the disk


def test_the_key_is_not_on_the_disk(tmp_path: Path) -> None:
    """Neither the names nor the contents of the files hold the key, and only we may read them."""
    leases = Leases(tmp_path / "state")
    leases.take("finnhub", "secret-key")
    (file,) = (tmp_path / "state").iterdir()

    assert "secret-key" not in file.name + file.read_text()
    assert file.name.startswith("finnhub-")
    assert (0o600, 0o700) == (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777)
    leases.give_back("finnhub", "secret-key")


def test_names_differ_by_source_and_key() -> None:
    """The same source and key have the same name in every process, others have another one."""
    names = [lease_name(*api_key) for api_key in (("a", "x"), ("a", "y"), ("b", "x"), ("a", ""))]

    assert 4 == len(set(names))
    assert "a-2d711642b726b044" == names[0]


def test_the_holder_is_known(tmp_path: Path) -> None:
    """The file holds the process id, also after other content."""
    leases = Leases(tmp_path)
    path = tmp_path / f"{lease_name('a', 'key')}.lock"
    assert "" == leases.holder("a", "key")
    path.write_bytes(b"123456789012345678901234567890")
    leases.take("a", "key")

    assert str(os.getpid()) == leases.holder("a", "key")
    leases.give_back("a", "key")


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"x" * 100_000, b""])
def test_a_file_of_anything_hurts_nobody(tmp_path: Path, content: bytes) -> None:
    """Whatever the file's content is, it can be read and the lease be taken."""
    leases = Leases(tmp_path)
    (tmp_path / f"{lease_name('a', 'key')}.lock").write_bytes(content)

    assert len(leases.holder("a", "key")) <= 20
    assert leases.take("a", "key")
    leases.give_back("a", "key")


# Among processes


def test_another_process_has_it(tmp_path: Path) -> None:
    """While another process holds it no one gets it, and its process id is known."""
    leases = Leases(tmp_path)
    with holder(tmp_path) as (child, has_it):
        assert has_it
        assert not leases.take("finnhub", "key")
        assert leases.take("finnhub", "other key")
        assert str(child.pid) == leases.holder("finnhub", "key")
    leases.give_back("finnhub", "other key")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_free_when_its_process_is_gone(tmp_path: Path, number: int) -> None:
    """The lease is free however its process ends, without any clean-up."""
    leases = Leases(tmp_path)
    with holder(tmp_path) as (child, has_it):
        assert has_it
        child.send_signal(number)
        child.wait()
        wait_for(lambda: leases.take("finnhub", "key"), 2, "the lease")

    assert str(os.getpid()) == leases.holder("finnhub", "key")
    with holder(tmp_path) as (_, has_it):
        assert not has_it
    leases.give_back("finnhub", "key")
    with holder(tmp_path) as (_, has_it):
        assert has_it


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    """A program that the holder starts does not keep the lease."""
    leases = Leases(tmp_path)
    leases.take("finnhub", "key")
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        leases.give_back("finnhub", "key")
        with holder(tmp_path) as (_, has_it):
            assert has_it
        child.kill()
