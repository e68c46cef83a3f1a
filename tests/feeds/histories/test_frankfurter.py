from datetime import UTC, datetime
from decimal import Decimal

from omcrm.feeds.histories.frankfurter import FrankfurterHistory
from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.provider import Unreadable
from omcrm.market.daily_bar import DailyBar
from tests.feeds.past_days import DAYS, FIRST, LAST, past
from tests.feeds.replies import reply

PROVIDER = FrankfurterHistory("http://host")


def test_one_call_is_enough_for_all_pairs() -> None:
    """Every currency against the dollar, whose crosses the pairs are."""
    names = {name: name for name in ("EURUSD", "EURGBP", "USDJPY")}
    (call,) = PROVIDER.calls(HistoryRequest(names, FIRST, LAST, datetime.now(UTC)))

    assert "http://host/v1/2026-01-04..2026-01-05?base=USD&symbols=EUR,GBP,JPY" == call.url


def test_a_reference_rate_is_a_close_and_nothing_else() -> None:
    """Nobody makes up an open, a high, a low or a volume."""
    (call,) = PROVIDER.calls(past("frankfurter"))
    (first, second) = PROVIDER.parse(call, DAYS["frankfurter"], past("frankfurter"))

    assert isinstance(first, DailyBar)
    assert isinstance(second, DailyBar)
    assert (Decimal("1.1531365"), Decimal("1.1530036")) == (first.close, second.close)
    assert first.open is first.high is first.low is first.volume is None


def test_rates_against_another_currency_are_not_believed() -> None:
    """Their meaning is another one."""
    (call,) = PROVIDER.calls(past("frankfurter"))
    (told,) = PROVIDER.parse(call, reply({"base": "EUR", "rates": {}}), past("frankfurter"))

    assert isinstance(told, Unreadable)
