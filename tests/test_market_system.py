from pathlib import Path

import pytest

from omcrm import create_app
from omcrm.engine.bus import LocalBus
from omcrm.engine.elected_engine import ElectedEngine
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.redis_bus import RedisBus
from omcrm.errors import LeaseLost
from omcrm.pricing.price_rounds import RoundPlan
from omcrm.services import Services, services_of
from omcrm.settings import load

BUS = {"BUS_URL": "redis://127.0.0.1:1/0"}
ROUNDS = RoundPlan(interval=1, batch=1)


def parts(folder: Path, rounds: RoundPlan | None = None, **environ: str) -> Services:
    own = {"OMCRM_INSTANCE": str(folder), "DATABASE_URL": "", "FEED_STATE_DIR": str(folder)}
    return services_of(create_app(load({**own, "REALTIME_SOURCES": "", **environ}), rounds))


def test_one_process_has_the_engine(tmp_path: Path) -> None:
    """Viewers start its feeds, and nothing else runs."""
    made = parts(tmp_path)
    made.begin()

    assert isinstance(made.engine, FeedEngine)
    assert made.engine is made.manager.engine
    assert isinstance(made.bus, LocalBus)
    assert made.member is None
    made.fence()
    assert "started" == made.manager.start()
    made.stop()


def test_a_process_of_its_own_runs_the_feeds_without_viewers(tmp_path: Path) -> None:
    """Without a bus as long as no web process has them."""
    web, feed = parts(tmp_path), parts(tmp_path, ROUNDS)

    assert feed.member is not None
    assert "started" == feed.manager.start()
    feed.manager.stop()
    web.manager.start()
    assert "not_allowed" == feed.manager.start()
    web.stop()
    assert "started" == feed.manager.start()
    feed.stop()


@pytest.mark.parametrize("rounds", [None, ROUNDS])
def test_on_a_bus_nobody_runs_feeds_without_the_lease(
    tmp_path: Path, rounds: RoundPlan | None
) -> None:
    """Nor writes anything."""
    made = parts(tmp_path, rounds, **BUS)

    assert isinstance(made.engine, ElectedEngine)
    assert made.engine.own is None
    assert isinstance(made.bus, RedisBus)
    assert made.member is not None
    assert "not_allowed" == made.manager.start()
    with pytest.raises(LeaseLost):
        made.fence()


def test_a_process_without_an_engine_never_asks_for_the_lease(tmp_path: Path) -> None:
    """Whatever it is told over the bus."""
    made = parts(
        tmp_path, OMCRM_ENGINE="off", DATABASE_URL="postgresql://somebody@127.0.0.1:1/none", **BUS
    )
    assert made.member is not None
    made.begin()
    made.begin()

    assert not isinstance(made.engine, FeedEngine)
    assert not made.engine.running
    assert made.engine.failure() is not None
    made.stop()
