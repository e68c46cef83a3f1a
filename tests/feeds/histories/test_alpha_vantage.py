from decimal import Decimal

from omcrm.feeds.histories.alpha_vantage import AlphaVantageHistory
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied
from omcrm.market.daily_bar import DailyBar
from tests.feeds.past_days import DAYS, past
from tests.feeds.replies import reply

KEY = "an-example-key"
PROVIDER = AlphaVantageHistory("http://host", Keys(lambda name: KEY))


def test_the_compact_series_is_asked_for() -> None:
    """The full one is for who pays."""
    (call,) = PROVIDER.calls(past("alpha_vantage"))

    assert "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact" in call.url


def test_a_days_figures_are_texts() -> None:
    """They are read exactly."""
    (call,) = PROVIDER.calls(past("alpha_vantage"))
    (first, _) = PROVIDER.parse(call, DAYS["alpha_vantage"], past("alpha_vantage"))

    assert isinstance(first, DailyBar)
    assert (Decimal("250.1"), Decimal(252), Decimal(249), Decimal("251.2"), 3932222) == (
        first.open,
        first.high,
        first.low,
        first.close,
        first.volume,
    )


def test_a_used_up_day_says_for_how_long() -> None:
    """So that it is noted in the ledger, and the key is not told."""
    words = f"We have detected your API key as {KEY} and our limit is 25 requests per day."
    (call,) = PROVIDER.calls(past("alpha_vantage"))
    (refused,) = PROVIDER.parse(call, reply({"Information": words}), past("alpha_vantage"))

    assert isinstance(refused, AccessDenied)
    assert 12 * 3600 == refused.retry_after
    assert KEY not in refused.message


def test_without_a_key_it_says_what_is_missing() -> None:
    """It is not asked then."""
    assert "ALPHA_VANTAGE_API_KEY" == AlphaVantageHistory("http://host", Keys()).missing()
