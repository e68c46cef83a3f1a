from datetime import UTC, datetime
from decimal import Decimal

from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.provider import Unreadable
from omcrm.feeds.providers.frankfurter.history import FrankfurterHistory
from omcrm.market.daily_bar import DailyBar
from tests.feeds.providers.frankfurter.samples import HISTORY
from tests.feeds.samples import FIRST, LAST, history_request, reply

PROVIDER = FrankfurterHistory("http://host")


def test_one_call_is_enough_for_all_pairs() -> None:
    """It requests every currency against the dollar; pairs are cross rates of these."""
    names = {name: name for name in ("EURUSD", "EURGBP", "USDJPY")}
    (call,) = PROVIDER.calls(HistoryRequest(names, FIRST, LAST, datetime.now(UTC)))

    assert "http://host/v1/2026-01-04..2026-01-05?base=USD&symbols=EUR,GBP,JPY" == call.url


def test_a_reference_rate_is_a_close_and_nothing_else() -> None:
    """No open, high, low or volume is invented."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    (first, second) = PROVIDER.parse(call, HISTORY.days, history_request(HISTORY.name))

    assert isinstance(first, DailyBar)
    assert isinstance(second, DailyBar)
    assert (Decimal("1.1531365"), Decimal("1.1530036")) == (first.close, second.close)
    assert first.open is first.high is first.low is first.volume is None


def test_rates_against_another_currency_are_rejected() -> None:
    """They are rates against another base."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    (event,) = PROVIDER.parse(
        call, reply({"base": "EUR", "rates": {}}), history_request(HISTORY.name)
    )

    assert isinstance(event, Unreadable)
