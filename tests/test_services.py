"""The services of an app."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from limits import RateLimitItemPerMinute

from omcrm import create_app
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.engine.bus import UserEventsWritten
from omcrm.extensions import db, limiter
from omcrm.services import announce_user_events, services, services_of
from omcrm.settings import load
from tests.engine.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]


def test_each_app_has_its_own(app: Flask) -> None:
    """Two apps of one process share nothing; `services()` gives those of the current one."""
    settings = replace(services_of(app).settings, stream_interval=7)
    other = create_app(settings)
    with other.app_context():
        of_other = services()
    with app.app_context():
        of_app = services()

    assert (services_of(app), services_of(other)) == (of_app, of_other)
    assert settings is of_other.settings
    assert 7 == of_other.publisher.interval
    assert not {id(part) for part in vars(of_app).values()} & {
        id(part) for part in vars(of_other).values() if part is not None
    }


def test_user_events_are_announced_on_the_bus(app: Flask) -> None:
    """With the users they are for."""
    written: list[UserEventsWritten] = []
    services_of(app).bus.subscribe(UserEventsWritten, written.append)
    with app.app_context():
        announce_user_events([1, 2])

    assert [UserEventsWritten(frozenset({1, 2}))] == written


def test_an_app_with_a_database_only_announces_nothing() -> None:
    """It has no services, and writes to the database all the same."""
    app = Flask("database-only")
    with app.app_context():
        announce_user_events([1])

        with pytest.raises(KeyError):
            services()


def test_several_processes_count_together(tmp_path: Path, redis_server: RedisServer) -> None:
    """With a bus the app's limits count there; where it is lost, nobody gets an error."""
    off = {"REALTIME_SOURCES": "binance", "BINANCE_WS_URL": "", "FEED_STATE_DIR": str(tmp_path)}
    url = f"sqlite:///{tmp_path / 'test.db'}"
    app = create_app(
        load(
            {"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": url, "BUS_URL": redis_server.url}
            | off
        )
    )
    limit = UserRateLimit("tries", RateLimitItemPerMinute(2))
    with app.app_context():
        assert 0 == limit.spend("a")
        [key] = redis_server.client.keys("omcrm:0:v1:limit:*")
        redis_server.client.incrby(key, 5)
        assert 0 < limit.spend("a")
        redis_server.kill()
        assert 0 == limit.spend("b")
        db.engine.dispose()
    limiter.reset()
