from datetime import UTC, datetime

from omcrm.gateways.finance_query.profile import profile
from omcrm.gateways.finance_query.row import instrument_figures, mover, row, unknown_row
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.reference.finance_query import HOURS, QUOTES
from omcrm.wire import encoding
from tests.gateways.here import Served
from tests.reference.validator import DocumentValidator

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
LEFT = {"metadata": {"rate_limit": 2000, "remaining_requests": 1999, "reset": 60}}


def test_rows_are_as_described(here: Served, validator: DocumentValidator) -> None:
    """Known and unknown symbols, and the day's request limit before them."""
    known = row(instrument_figures(here.market.instruments["BTC"], here.price("BTC")), NOW)
    rows = encoding.loads(encoding.dumps([LEFT, known, unknown_row("NOPE")]))

    assert [] == validator.message(QUOTES.dialect, rows)
    assert [] != validator.message(QUOTES.dialect, [{**rows[1], "price": 398.09}])


def test_a_profile_is_as_described(here: Served, validator: DocumentValidator) -> None:
    """With the fields that no source sends."""
    of = instrument_figures(here.market.instruments["AAPL"], here.price("AAPL"))
    body = {
        "quote": profile(of, YearFigures(), NOW),
        "similar": [mover(of)],
        "sectorPerformance": None,
        "news": [],
        "universe": "catalogue",
    }

    assert [] == validator.message("finance_query_profile", encoding.loads(encoding.dumps(body)))


def test_the_status_of_the_hours_is_one_of_three(validator: DocumentValidator) -> None:
    """Programs may rely on them."""
    hours = {"status": "Open", "reason": "", "timestamp": "2026-01-05T14:30:00.123Z"}

    assert [] == validator.message(HOURS.dialect, hours)
    assert [] != validator.message(HOURS.dialect, {**hours, "status": "Maybe"})
