"""Feeds with a key: a missing key, denied access, and one connection for all processes."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omcrm.feeds import connection, supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.source import HealthState
from tests.feeds.keyed import KEY, QUICK, RELAXED, Upstream, Watched
from tests.processes import Process, wait_for

Watch = Callable[..., Watched]


@pytest.fixture
def settings() -> dict[str, str]:
    """The settings, in which the key is set."""
    return {"KEYED_API_KEY": KEY}


@pytest.fixture
def watch(tmp_path: Path, settings: dict[str, str]) -> Iterator[Watch]:
    """Starts supervisors, and stops them after the test."""
    started: list[Watched] = []

    def start(upstream: Upstream, timing: SupervisorTiming = RELAXED) -> Watched:
        watched = Watched(upstream.url, tmp_path, settings, timing)
        started.append(watched)
        watched.supervisor.start()
        return watched

    yield start
    for harness in started:
        harness.supervisor.stop()


@pytest.fixture
def checks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing keys and taken leases are checked often."""
    monkeypatch.setattr(supervisor, "_CHECK_AGAIN", 0.3)


class Feed(Process):
    """Another process with the same key."""

    def __init__(self, upstream: Upstream, folder: Path, name: str) -> None:
        command = [sys.executable, "-m", "tests.feeds.keyed", upstream.url, str(folder)]
        super().__init__(command, {}, folder / f"{name}.log")

    def status(self) -> dict[str, Any]:
        """Its last status."""
        lines = [line for line in self.output().split("\n")[:-1] if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


# The login


def test_logs_in_and_waits_for_the_answer(watch: Watch) -> None:
    """The login is sent first; nothing is subscribed until the upstream has accepted it."""
    with Upstream(greeting=()) as upstream:
        watched = watch(upstream)
        wait_for(lambda: upstream.received, 5, "the login")
        time.sleep(1)
        assert [[f"login {KEY}"]] == upstream.received
        assert "connected" == watched.state
        assert HealthState.HEALTHY not in {condition for condition, _ in watched.conditions}
        watched.supervisor.stop()


def test_subscribes_after_the_login(watch: Watch) -> None:
    """After the login symbols are subscribed, and prices make the feed healthy."""
    with Upstream(greeting=("something else", "welcome")) as upstream:
        watched = watch(upstream)
        wait_for(lambda: {"BTC", "ETH"} == {tick.symbol for tick in watched.ticks}, 5, "prices")
        assert "streaming" == watched.state
        assert [(HealthState.PENDING, 0), (HealthState.HEALTHY, 1)] == watched.conditions
        assert [[f"login {KEY}", "subscribe btc", "subscribe eth"]] == upstream.received
        watched.supervisor.stop()


def test_an_unanswered_login_times_out(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without an answer to the login is ended, and tried again."""
    monkeypatch.setattr(connection, "_LONGEST_HANDSHAKE", 0.6)
    with Upstream(greeting=()) as upstream:
        watched = watch(upstream)
        wait_for(lambda: "no answer to the login" in watched.problem, 5, "it to be given up")
        assert (HealthState.DOWN, 0) == watched.conditions[-1]
        upstream.greeting = ("welcome",)
        wait_for(lambda: watched.ticks, 5, "prices")
        assert 1 == upstream.most
        watched.supervisor.stop()


# Access denied


@pytest.mark.parametrize(
    ("words", "least"),
    [("denied 401", 300), ("denied 403", 300), ("denied 429", 60), ("denied 429 900", 900)],
)
def test_after_a_denial_it_waits(watch: Watch, words: str, least: float) -> None:
    """The connection ends, the reason is reported without the key, and no retry comes soon."""
    with Upstream(greeting=(words,)) as upstream:
        watched = watch(upstream)
        wait_for(lambda: watched.state == "waiting", 5, "the end")
        wait_for(lambda: upstream.now == 0, 5, "the connection to close")
        wait = watched.supervisor._retry_at - time.monotonic()
        time.sleep(0.8)

        assert least - 30 < wait <= least
        assert "waiting" == watched.state
        assert f"refused with {words.split()[1]}: not" in watched.problem
        assert KEY not in watched.problem
        assert (HealthState.DOWN, 0) == watched.conditions[-1]
        assert [[f"login {KEY}"]] == upstream.received
        watched.supervisor.stop()


def test_after_a_transient_denial_it_is_soon_back(watch: Watch) -> None:
    """After a transient status it retries with the usual delays."""
    with Upstream(greeting=("denied 500",)) as upstream:
        watched = watch(upstream)
        wait_for(lambda: watched.state == "waiting", 5, "the end")
        upstream.greeting = ("welcome",)
        wait_for(lambda: watched.ticks, 5, "prices")
        assert 1 == upstream.most
        watched.supervisor.stop()


# The key


@pytest.mark.usefixtures("checks_often")
def test_without_its_key_it_is_off(watch: Watch, settings: dict[str, str]) -> None:
    """The status names the missing setting and nothing connects; with the key it starts."""
    del settings["KEYED_API_KEY"]
    with Upstream() as upstream:
        watched = watch(upstream)
        wait_for(lambda: watched.state == "off", 5, "it to be off")
        time.sleep(0.5)
        assert "KEYED_API_KEY is not set" == watched.problem
        assert [(HealthState.PENDING, 0), (HealthState.OFF, 0)] == watched.conditions[:2]
        assert [] == upstream.received
        settings["KEYED_API_KEY"] = KEY
        wait_for(lambda: watched.ticks, 5, "prices")
        assert "streaming" == watched.state
        assert HealthState.HEALTHY is watched.conditions[-1][0]
        watched.supervisor.stop()


def test_its_status_hides_the_key(watch: Watch) -> None:
    """Neither the address nor an error has it."""
    with Upstream() as upstream:
        watched = watch(upstream)
        wait_for(lambda: watched.ticks, 5, "prices")
        status = watched.supervisor.status()
        assert f"{upstream.url}/?token=***" == status.url
        assert KEY not in str(status)
        watched.supervisor.stop()


# One connection


def test_a_connection_without_data_ends_before_the_next_begins(watch: Watch) -> None:
    """Where one connection is allowed, its replacement waits until it has ended."""
    with Upstream(sends_prices=False) as upstream:
        watched = watch(upstream, QUICK)
        wait_for(lambda: len(upstream.received) >= 3, 15, "two replacements")
        assert "no price" in watched.problem
        upstream.sends_prices = True
        wait_for(lambda: watched.ticks, 10, "prices")
        assert 1 == upstream.most
        watched.supervisor.stop()


@pytest.mark.usefixtures("checks_often")
def test_a_second_one_waits_until_the_first_is_stopped(watch: Watch) -> None:
    """Of two feeds with one key one connects, and the other takes over when it stops."""
    with Upstream() as upstream:
        first = watch(upstream)
        wait_for(lambda: first.ticks, 5, "prices")
        second = watch(upstream)
        wait_for(lambda: second.state == "waiting", 5, "the second to wait")
        time.sleep(1)
        assert "has the one connection that its key allows" in second.problem
        assert (HealthState.DOWN, 0) == second.conditions[-1]
        first.supervisor.stop()
        wait_for(lambda: second.ticks, 5, "prices")
        assert (1, 2) == (upstream.most, len(upstream.received))
        second.supervisor.stop()


@pytest.mark.usefixtures("checks_often")
def test_another_key_is_another_connection(watch: Watch, settings: dict[str, str]) -> None:
    """The limit applies to a key, not to the upstream."""
    with Upstream() as upstream:
        first = watch(upstream)
        wait_for(lambda: first.ticks, 5, "prices")
        settings["KEYED_API_KEY"] = "another-key"
        second = watch(upstream)
        wait_for(lambda: second.ticks, 5, "prices")
        assert 2 == upstream.most
        for harness in (first, second):
            harness.supervisor.stop()


def test_two_processes_share_one_connection(tmp_path: Path) -> None:
    """The second opens no socket and reports the holder; when that is killed it takes over."""
    with Upstream() as upstream, Feed(upstream, tmp_path, "first") as first:
        wait_for(lambda: first.status().get("ticks"), 10, "prices")
        with Feed(upstream, tmp_path, "second") as second:
            wait_for(lambda: second.status().get("state") == "waiting", 10, "the second to wait")
            time.sleep(1)
            words = f"process {first.pid} has the one connection that its key allows"
            assert words == second.status()["problem"]
            assert 0 == second.status()["ticks"]
            assert 1 == len(upstream.received)

            first.kill()
            wait_for(lambda: second.status()["ticks"], 15, "the second to take over")
            assert (1, 2) == (upstream.most, len(upstream.received))
