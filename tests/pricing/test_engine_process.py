"""Engines and web processes on a real PostgreSQL and a real Redis.

Long for a reason: what happens to one installation of several processes is told in one place.
"""

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from omcrm.engine.lease import LENGTH
from tests.processes import PATIENCE, ROOT, Browser, DeskClient, wait_for
from tests.several import Engine, Installation, installation, migrated, postgresql, redis_server

__all__ = ["installation", "migrated", "postgresql", "redis_server"]


def live(page: DeskClient, symbol: str = "BTC") -> bool:
    """Whether the newest price of a page is live."""
    last = page.last(symbol)
    return last is not None and last["price_class"] == "live"


def brings_prices(page: DeskClient) -> bool:
    """Whether a new live price arrives."""
    before = len(page.prices("BTC"))
    wait_for(lambda: len(page.prices("BTC")) > before and live(page), what="a new live price")
    return True


def refused(environ: Mapping[str, str], *command: str) -> str:
    """The error of a command that does not start."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**environ}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert 2 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def status_of(browser: Browser) -> dict[str, Any]:
    return dict(browser.get("/webtrader/realtime_status").json())


def test_a_web_process_without_an_engine(installation: Installation) -> None:
    """It shows prices, the state of the feeds and why a price is what it is; an administrator stops
    and starts the feeds from there, and a fresh price is fetched by the engine."""
    with installation.engine() as engine, installation.web() as app:
        admin = app.new_browser("admin")
        with admin.desk() as page:
            page.subscribe("BTC", "EURUSD")
            assert brings_prices(page)
            wait_for(lambda: page.last("EURUSD"), what="a price of a polled source")
            wait_for(
                lambda: page.bodies("connection_status")[-1]["binance"]["active"],
                what="the state of the feeds",
            )
            status = status_of(admin)
            assert (True, True) == (status["running"], status["providers"]["binance"]["active"])
            chains = {item["symbol"]: item["chain"] for item in status["feeds"]["symbols"]}
            assert "binance" in [item["source"] for item in chains["BTC"]]
            assert [] != status["feeds"]["quota"]["frankfurter"]

            why = admin.get("/api/v1/market/why/BTC").json()
            assert ["binance"] == [
                item["source"] for item in why["sources"] if item["verdict"] == "active"
            ]
            assert 404 == admin.get("/api/v1/market/why/NOTHING").status_code
            assert "binance" in admin.get("/admin/feeds?symbol=BTC").text
            assert 200 == admin.get("/readyz").status_code
            streaming = admin.get("/realtime/status/").json()["price_feed"]
            assert (True, False) == (streaming["is_running"], streaming["streams_here"])
            fresh = admin.post(
                "/api/realtime/force_price_update/",
                json={"symbols": ["BTC"]},
                headers={"X-CSRFToken": admin.csrf("/webtrader/dashboard")},
            ).json()
            assert ["BTC"] == [price["symbol"] for price in fresh["updated"]]

            stopped = admin.send("/api/v1/market/streaming/stop").json()
            assert "stopped" == stopped["status"]
            wait_for(lambda: not live(page), what="no live price")
            assert not status_of(admin)["running"]
            started = admin.send("/api/v1/market/streaming/start").json()
            assert "started" == started["status"]
            assert brings_prices(page)
        events = installation.rows(
            "select source, code, at, count(*) from feed_events group by 1, 2, 3"
        )
        assert "Traceback" not in app.output() + engine.output()

    assert events
    assert {1} == {count for *_, count in events}


def test_a_standby_takes_over_from_a_killed_engine(installation: Installation) -> None:
    """Under a higher token; pages stay connected and get live prices again."""
    with installation.engine() as first, installation.web() as app:
        wait_for(lambda: first.leads, what="the first engine")
        with installation.engine() as second, app.new_browser().desk() as page:
            page.subscribe("BTC")
            assert brings_prices(page)
            before = installation.token
            assert not second.leads
            first.kill()
            wait_for(lambda: second.leads, what="the second engine")
            assert brings_prices(page)
            assert page.connected
        assert before < installation.token
        numbers = [price["seq"] for price in page.prices("BTC")]

    assert sorted(set(numbers)) == numbers


def test_a_paused_engine_changes_nothing_when_it_goes_on(installation: Installation) -> None:
    """It stands by then; the prices are those of its successor."""
    with installation.engine() as first, installation.web() as app:
        wait_for(lambda: first.leads, what="the first engine")
        with installation.engine() as second, app.new_browser().desk() as page:
            page.subscribe("BTC")
            assert brings_prices(page)
            with first.paused():
                wait_for(lambda: second.leads, what="the second engine")
                assert brings_prices(page)
            wait_for(lambda: not first.leads, what="the first engine to stand by")
            assert brings_prices(page)
            assert second.leads
            numbers = [price["seq"] for price in page.prices("BTC")]
        assert "Traceback" not in first.output()

    assert sorted(set(numbers)) == numbers


def test_of_two_started_at_once_one_runs_the_feeds(installation: Installation) -> None:
    """The other one takes over as soon as the first one ends in order."""
    engines = [installation.engine() for _ in range(2)]
    try:
        wait_for(lambda: any(engine.leads for engine in engines), what="an engine")
        leader, standby = sorted(engines, key=lambda engine: not engine.leads)
        wait_for(lambda: "This process waits" in standby.output(), what="the other one to wait")
        assert (True, False) == (leader.leads, standby.leads)
        leader.stop()
        wait_for(lambda: standby.leads, what="the other one")
    finally:
        for engine in engines:
            engine.stop()

    assert [0, 0] == [engine.process.returncode for engine in engines]
    assert "Traceback" not in leader.output() + standby.output()
    assert "this process ends" in leader.output()


# A process whose clock is half a minute off, for everything but its monotonic time.
OFF = """
import sys, time
from datetime import datetime, timedelta

from omcrm.engine import feed_engine, redis_bus
from omcrm.pricing import upstream_query

class Shifted(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(seconds={seconds})

feed_engine.datetime = redis_bus.datetime = upstream_query.datetime = Shifted
of_the_system = time.time
time.time = lambda: of_the_system() + {seconds}
sys.argv = ["manage.py", "engine"]
import manage
manage.main()
"""


@pytest.mark.parametrize("seconds", [30, -30])
def test_a_clock_that_is_off_takes_no_lease(installation: Installation, seconds: int) -> None:
    """The database's clock decides when a lease ends; and prices of such an engine are live, but
    not for longer than others."""
    program = OFF.format(seconds=seconds)
    folder, environ = installation.folder, installation.environ
    with installation.engine() as leader, installation.web() as app:
        wait_for(lambda: leader.leads, what="the engine")
        before = installation.token
        with (
            Engine(folder, environ, python=program) as off,
            app.new_browser().desk() as page,
        ):
            wait_for(lambda: "This process waits" in off.output(), what="the other one to wait")
            # Long enough for a lease to end that nobody renews.
            until = renewed(installation) + timedelta(seconds=2 * LENGTH)
            wait_for(lambda: renewed(installation) > until, what="the lease to be renewed")
            assert (True, False) == (leader.leads, off.leads)
            assert before == installation.token

            page.subscribe("BTC")
            assert brings_prices(page)
            leader.kill()
            wait_for(lambda: off.leads, what="the other one")
            assert brings_prices(page)
            off.kill()
            wait_for(lambda: not live(page), what="no live price")


def renewed(installation: Installation) -> Any:
    return installation.rows("select until from engine_lease")[0][0]


def test_without_the_database_prices_go_on(installation: Installation) -> None:
    """And nothing else: the same engine goes on when it is back."""
    with installation.engine() as engine, installation.web() as app:
        with app.new_browser().desk() as page:
            page.subscribe("BTC")
            assert brings_prices(page)
            before = installation.token
            with installation.away():
                wait_for(lambda: "prices go on" in engine.output(), what="the engine to notice")
                assert brings_prices(page)
            wait_for(lambda: "the database is back" in engine.output(), what="the database")
            assert brings_prices(page)
        assert (True, before) == (engine.leads, installation.token)
        assert "Traceback" not in engine.output()


def test_an_engine_that_alone_lost_the_database_ends_for_its_successor(
    installation: Installation,
) -> None:
    """It learns of the higher token over the bus."""
    with (
        installation.alone_on("lonely") as (environ, cut_off),
        installation.web() as app,
        installation.engine(**environ) as first,
        app.new_browser().desk() as page,
    ):
        page.subscribe("BTC")
        assert brings_prices(page)
        with installation.engine() as second:
            wait_for(lambda: "This process waits" in second.output(), what="the second engine")
            cut_off()
            wait_for(lambda: second.leads, what="the second engine to lead")
            wait_for(lambda: not first.leads, what="the end of the first one's feeds")
            assert brings_prices(page)
            numbers = [price["seq"] for price in page.prices("BTC")]
        assert "another engine has token" in first.output()

    assert sorted(set(numbers)) == numbers


def test_what_is_changed_in_one_process_reaches_all(installation: Installation) -> None:
    """A new instrument, and a logout."""
    with installation.engine() as engine, installation.web() as first, installation.web() as second:
        wait_for(lambda: engine.leads, what="the engine")
        admin = first.new_browser("admin")
        other = Browser(second.base)
        other.http.cookies.update(admin.http.cookies)
        with other.desk() as page:
            page.subscribe("BTC")
            assert brings_prices(page)
            fields = {
                "symbol": "PEPE",
                "name": "Pepe",
                "asset_class": "crypto",
                "decimals": "8",
                "last_resort_price": "0.00001",
                "csrf_token": admin.csrf("/admin/instruments"),
            }
            added = admin.post("/admin/instruments", data=fields)
            assert 302 == added.status_code, added.text
            wait_for(
                lambda: 200 == other.get("/api/v1/market/why/PEPE").status_code,
                what="the instrument in the other process and in the engine",
            )
            admin.post("/auth/logout", data={"csrf_token": admin.csrf("/webtrader/dashboard")})
            wait_for(lambda: not page.connected, what="the end of the other process's page")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"BUS_URL": ""}, ("OMCRM_ENGINE", "BUS_URL")),
        ({"DATABASE_URL": ""}, ("OMCRM_ENGINE", "PostgreSQL")),
    ],
)
def test_a_web_process_that_could_show_nothing_does_not_start(
    installation: Installation, environ: dict[str, str], words: tuple[str, ...]
) -> None:
    """It names the setting, and what it needs."""
    error = refused({**installation.environ, "OMCRM_ENGINE": "off", **environ}, "run.py")

    assert all(word in error for word in words), error


def test_without_an_engine_nothing_is_live(installation: Installation) -> None:
    """The web process says that the engine does not answer, and refuses what only it knows."""
    with installation.engine() as engine, installation.web() as app:
        wait_for(lambda: engine.leads, what="the engine")
        admin = app.new_browser("admin")
        with admin.desk() as page:
            page.subscribe("BTC")
            assert brings_prices(page)
            engine.kill()
            wait_for(lambda: not live(page), what="no live price")
            wait_for(lambda: 503 == admin.get("/readyz").status_code, what="the feed to be named")
            why = admin.get("/api/v1/market/why/BTC")
            assert (503, "UNAVAILABLE") == (why.status_code, why.json()["error"]["code"])
            assert "Retry-After" in why.headers
            assert 503 == admin.get("/admin/feeds?symbol=BTC").status_code
            status = status_of(admin)
            assert [False] == [status["running"]]
            assert not any(feed["active"] for feed in status["providers"].values())
            stopped = admin.send("/api/v1/market/streaming/stop")
            assert 503 == stopped.status_code
        with installation.engine() as next_engine:
            wait_for(
                lambda: "This process waits" in next_engine.output(), what="the stop to be kept"
            )
            assert "started" == admin.send("/api/v1/market/streaming/start").json()["status"]
            wait_for(lambda: next_engine.leads, what="the feeds")
