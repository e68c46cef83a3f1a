from collections.abc import Iterator
from pathlib import Path

import pytest

from omcrm.engine.bus import (
    EngineQuestion,
    EngineReply,
    EngineReport,
    EngineTopic,
    FeedChanged,
    LocalBus,
)
from omcrm.engine.engine_reporter import EngineReporter
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.remote_engine import RemoteEngine
from omcrm.errors import EngineUnreached
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from tests.processes import wait_for
from tests.threads import Threads


class Reporting:
    """A reporter on a bus, what it publishes, and somebody who asks."""

    def __init__(self, folder: Path) -> None:
        self.bus, self.leads = LocalBus(), True
        self.reports: list[EngineReport] = []
        self.replies: list[EngineReply] = []
        self.bus.subscribe(EngineReport, self.reports.append)
        self.bus.subscribe(EngineReply, self.replies.append)
        self.remote = RemoteEngine(self.bus)
        self.engine = FeedEngine(self.bus, FeedSettings(), state=folder)
        self.engine.follow(CATALOGUE)
        slow = {EngineTopic.REFRESH: self._refresh}
        self.reporter = EngineReporter(self.bus, self.engine, lambda: self.leads, slow)

    def _refresh(self, question: EngineQuestion) -> list[str]:
        if question.symbols == ("BAD",):
            raise ZeroDivisionError
        return list(question.symbols)


@pytest.fixture
def reporting(tmp_path: Path) -> Iterator[Reporting]:
    made = Reporting(tmp_path)
    yield made
    made.reporter.stop()
    made.engine.stop()


def test_it_reports_and_answers(reporting: Reporting, threads: Threads) -> None:
    """What the process without an engine then knows is what this one says."""
    reporting.reporter.start()
    reporting.reporter.start()
    wait_for(lambda: reporting.reports, what="a report")
    explanation = reporting.remote.explain("BTC")

    assert explanation is not None
    assert "BTC" == explanation.symbol
    assert reporting.remote.explain("NOTHING") is None
    assert reporting.engine.details() == reporting.remote.details()
    assert reporting.engine.standbys() == reporting.remote.standbys()
    assert ["ETH"] == reporting.remote.ask(EngineTopic.REFRESH, ("ETH",), list[str], 60)

    reporting.reporter.stop()
    reporting.reporter.stop()
    threads.wait()


def test_a_change_is_reported_at_once(reporting: Reporting) -> None:
    """Before the next second is over; also that the feeds run."""
    reporting.reporter.start()
    wait_for(lambda: reporting.reports, what="a report")
    reporting.engine.start()
    reporting.bus.publish(FeedChanged())
    wait_for(lambda: reporting.reports[-1].since is not None, what="the start")
    reporting.engine.stop()
    wait_for(lambda: reporting.reports[-1].since is None, what="the stop")


def test_who_does_not_lead_is_silent(reporting: Reporting) -> None:
    """Only the engine reports and answers."""
    reporting.leads = False
    reporting.reporter.start()
    reporting.bus.publish(FeedChanged())
    reporting.bus.publish(EngineQuestion(id="1", topic=EngineTopic.DETAILS))
    reporting.reporter.stop()

    assert ([], []) == (reporting.reports, reporting.replies)


def test_a_failed_answer_ends_nothing(
    reporting: Reporting, caplog: pytest.LogCaptureFixture
) -> None:
    """The one who asked gets none, and the next one is answered."""
    reporting.reporter.start()
    wait_for(lambda: reporting.reports, what="a report")
    with pytest.raises(EngineUnreached):
        reporting.remote.ask(EngineTopic.REFRESH, ("BAD",), list[str], 0.5)

    assert ["ETH"] == reporting.remote.ask(EngineTopic.REFRESH, ("ETH",), list[str], 60)
    assert "the answer about refresh failed" in caplog.text
