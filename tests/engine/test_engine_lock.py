import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from omcrm.engine.engine_lock import LockedFile, PriceFeedLock, WebEngineLock
from tests.processes import ROOT

DATABASE = "postgresql://somebody:secret@host/desk"
# A price feed's process that hands over when it is asked to, and then ends.
HANDS_OVER = """
import sys, time
from pathlib import Path
from omcrm.engine.engine_lock import PriceFeedLock

lock = PriceFeedLock(Path(sys.argv[1]), sys.argv[2])
print(lock.take(), flush=True)
while lock.holds():
    time.sleep(0.01)
lock.give_back()
print("handed over", flush=True)
"""


def test_a_price_feed_runs_while_no_web_process_does(tmp_path: Path) -> None:
    """It may take the feeds again once the web process has given them back."""
    web, feed = WebEngineLock(tmp_path, DATABASE), PriceFeedLock(tmp_path, DATABASE)
    assert (0, True) == (feed.take(), feed.holds())
    feed.give_back()

    assert (0, True) == (web.take(), web.holds())
    assert (None, False) == (feed.take(), feed.holds())

    web.give_back()
    assert (False, 0) == (web.holds(), feed.take())


def test_a_web_process_waits_for_the_feeds(tmp_path: Path) -> None:
    """The price feed sees that they are wanted, and the web process that they are free."""
    with subprocess.Popen(
        [sys.executable, "-c", HANDS_OVER, str(tmp_path), DATABASE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as feed:
        assert feed.stdout is not None
        assert "0\n" == feed.stdout.readline()
        web = WebEngineLock(tmp_path, DATABASE)
        assert 0 == web.take()
        free = LockedFile(tmp_path, "feeds", DATABASE)
        assert not free.is_locked_elsewhere()
        assert "handed over\n" == feed.stdout.readline()
    web.give_back()


def test_two_web_processes_both_run_their_feeds(tmp_path: Path) -> None:
    """As without any lock; a price feed waits for both to end."""
    first, second = WebEngineLock(tmp_path, DATABASE), WebEngineLock(tmp_path, DATABASE)
    feed = PriceFeedLock(tmp_path, DATABASE)
    assert (0, 0) == (first.take(), second.take())
    first.give_back()
    assert feed.take() is None

    second.give_back()
    assert 0 == feed.take()


def test_databases_have_feeds_of_their_own(tmp_path: Path) -> None:
    """And no file's name reveals a database's password."""
    web, feed = WebEngineLock(tmp_path, DATABASE), PriceFeedLock(tmp_path, "sqlite:///other.db")
    web.take()

    assert 0 == feed.take()
    assert not [path for path in tmp_path.iterdir() if "secret" in path.name]


def test_a_killed_process_has_nothing_locked(tmp_path: Path) -> None:
    """The system releases its locks."""
    feed = subprocess.Popen(
        [sys.executable, "-c", HANDS_OVER, str(tmp_path), DATABASE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert feed.stdout is not None
    with feed.stdout:
        assert b"0\n" == feed.stdout.readline()
        os.kill(feed.pid, signal.SIGKILL)
        feed.wait()

    assert 0 == PriceFeedLock(tmp_path, DATABASE).take()


def test_a_closed_lock_gives_no_right(tmp_path: Path) -> None:
    """The process ends."""
    lock = PriceFeedLock(tmp_path, DATABASE)
    lock.take()
    lock.close()

    assert (False, None) == (lock.holds(), lock.take())


def test_twice_is_once(tmp_path: Path) -> None:
    """Taking and giving back."""
    takes: list[Callable[[], int | None]] = [
        WebEngineLock(tmp_path, DATABASE).take,
        PriceFeedLock(tmp_path, "other").take,
    ]
    for take in takes:
        assert (0, 0) == (take(), take())
    lock = PriceFeedLock(tmp_path, "third")
    lock.give_back()
    lock.take()
    lock.give_back()
    lock.give_back()
