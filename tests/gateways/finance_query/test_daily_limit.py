import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.auth.credential import Caller, session_caller
from omcrm.auth.permission import Permission
from omcrm.engine.shared_counts import SharedCounts
from omcrm.gateways.finance_query.channels import DailyLimit, RequestsLeft
from omcrm.storage.user import Role
from tests.engine.redis_server import RedisServer, redis_server
from tests.processes import PATIENCE

__all__ = ["redis_server"]

NOW = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)


def token(name: str = "a", user_id: int = 1) -> Caller:
    return Caller(user_id, Role.CLIENT, frozenset({Permission.MARKET_READ}), f"token:{name}")


def login(name: str = "a", user_id: int = 1) -> Caller:
    return session_caller(user_id, Role.CLIENT, name)


def test_requests_are_counted_down(tmp_path: Path) -> None:
    """The result has what is left and for how many seconds; then it is None."""
    limit = DailyLimit(tmp_path, 2)

    assert RequestsLeft(2, 1, 3600) == limit.take(token(), NOW)
    assert RequestsLeft(2, 0, 3600) == limit.take(token(), NOW)
    assert None is limit.take(token(), NOW)


def test_the_limit_is_renewed_the_next_day(tmp_path: Path) -> None:
    """Days are UTC days."""
    limit = DailyLimit(tmp_path, 1)
    limit.take(token(), NOW)

    assert None is limit.take(token(), NOW + timedelta(minutes=59))
    assert RequestsLeft(1, 0, 86_400) == limit.take(token(), NOW + timedelta(hours=1))


def test_each_token_and_each_user_has_a_limit(tmp_path: Path) -> None:
    """All logins of a user share one."""
    limit = DailyLimit(tmp_path, 1)
    given = [limit.take(caller, NOW) for caller in (token("a"), token("b"), login("a"), login("b"))]

    assert [True, True, True, False] == [grant is not None for grant in given]
    assert None is not limit.take(login("c", user_id=2), NOW)


def test_counts_survive_a_restart_and_hold_for_all_processes(tmp_path: Path) -> None:
    """Objects with the same folder share their counts."""
    DailyLimit(tmp_path, 3).take(token(), NOW)

    assert RequestsLeft(3, 1, 3600) == DailyLimit(tmp_path, 3).take(token(), NOW)
    assert not any("token" in path.name for path in tmp_path.iterdir())


def test_concurrent_requests_are_counted_exactly(tmp_path: Path) -> None:
    """Of a hundred requests at once exactly those within the limit pass."""
    limits = [DailyLimit(tmp_path, 60) for _ in range(4)]
    passed: list[RequestsLeft | None] = []

    def ask(limit: DailyLimit) -> None:
        passed.extend(limit.take(token(), NOW) for _ in range(25))

    threads = [threading.Thread(target=ask, args=[limit]) for limit in limits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert (60, 40) == (sum(grant is not None for grant in passed), passed.count(None))


def test_old_counts_are_deleted(tmp_path: Path) -> None:
    """The folder does not grow with every token ever used."""
    limit = DailyLimit(tmp_path, 1)
    limit.take(token("old"), NOW)
    limit.take(token("new"), NOW)
    old, _ = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime)
    os.utime(old, (time.time() - 3 * 86_400,) * 2)
    limit.take(token("new"), NOW)
    assert old.exists()

    limit.take(token("new"), NOW + timedelta(days=1))

    assert not old.exists()
    assert 1 == len(list(tmp_path.iterdir()))


def test_a_request_that_cannot_be_counted_passes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing disk is logged, and does not stop delivery."""
    (tmp_path / "file").write_text("")
    limit = DailyLimit(tmp_path / "file", 5)

    assert RequestsLeft(5, 5, 0) == limit.take(token(), NOW)
    assert ["a request could not be counted: File exists"] == caplog.messages


def test_machines_share_a_limit(tmp_path: Path, redis_server: RedisServer) -> None:
    """Each has its files; where the server is lost, these go on."""
    first, second = (
        DailyLimit(tmp_path / name, 3, SharedCounts(redis_server.url)) for name in ("a", "b")
    )
    left = [limit.take(token(), NOW) for limit in (first, second, first, second)]

    assert [2, 1, 0] == [part.remaining for part in left[:3]]
    assert None is left[3]
    redis_server.kill()
    assert RequestsLeft(3, 0, 3600) == first.take(token(), NOW)
    assert None is first.take(token(), NOW)
