from datetime import UTC, datetime

from omcrm.gateways.finance_query.profile import profile
from omcrm.gateways.finance_query.row import instrument_figures, mover, row, unknown_row
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.reference.finance_query import HOURS, QUOTES
from omcrm.streaming import wire
from tests.gateways.here import Served
from tests.reference.judge import Judge

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
LEFT = {"metadata": {"rate_limit": 2000, "remaining_requests": 1999, "reset": 60}}


def test_rows_are_as_described(here: Served, judge: Judge) -> None:
    """Known and unknown, and with what is left of the day before them."""
    known = row(instrument_figures(here.market.instruments["BTC"], here.price("BTC")), NOW)
    said = wire.loads(wire.dumps([LEFT, known, unknown_row("NOPE")]))

    assert [] == judge.message(QUOTES.dialect, said)
    assert [] != judge.message(QUOTES.dialect, [{**said[1], "price": 398.09}])


def test_a_profile_is_as_described(here: Served, judge: Judge) -> None:
    """With all that no source tells."""
    of = instrument_figures(here.market.instruments["AAPL"], here.price("AAPL"))
    found = {
        "quote": profile(of, YearFigures(), NOW),
        "similar": [mover(of)],
        "sectorPerformance": None,
        "news": [],
        "universe": "catalogue",
    }

    assert [] == judge.message("finance_query_profile", wire.loads(wire.dumps(found)))


def test_words_of_the_hours_are_few(judge: Judge) -> None:
    """A program may count on them."""
    said = {"status": "Open", "reason": "", "timestamp": "2026-01-05T14:30:00.123Z"}

    assert [] == judge.message(HOURS.dialect, said)
    assert [] != judge.message(HOURS.dialect, {**said, "status": "Maybe"})
