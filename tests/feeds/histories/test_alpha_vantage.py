from decimal import Decimal

from omcrm.feeds.histories.alpha_vantage import AlphaVantageHistory
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied
from omcrm.market.daily_bar import DailyBar
from tests.feeds.history_replies import DAYS, history_request
from tests.feeds.replies import reply

KEY = "an-example-key"
PROVIDER = AlphaVantageHistory("http://host", Keys(lambda name: KEY))


def test_the_compact_series_is_asked_for() -> None:
    """The full series needs a paid plan."""
    (call,) = PROVIDER.calls(history_request("alpha_vantage"))

    assert "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact" in call.url


def test_a_days_figures_are_texts() -> None:
    """The texts are read as exact decimals."""
    (call,) = PROVIDER.calls(history_request("alpha_vantage"))
    (first, _) = PROVIDER.parse(call, DAYS["alpha_vantage"], history_request("alpha_vantage"))

    assert isinstance(first, DailyBar)
    assert (Decimal("250.1"), Decimal(252), Decimal(249), Decimal("251.2"), 3932222) == (
        first.open,
        first.high,
        first.low,
        first.close,
        first.volume,
    )


def test_a_used_up_day_has_the_time_to_wait() -> None:
    """The call counts need it; the key is not in the message."""
    words = f"We have detected your API key as {KEY} and our limit is 25 requests per day."
    (call,) = PROVIDER.calls(history_request("alpha_vantage"))
    (refused,) = PROVIDER.parse(
        call, reply({"Information": words}), history_request("alpha_vantage")
    )

    assert isinstance(refused, AccessDenied)
    assert 12 * 3600 == refused.retry_after
    assert KEY not in refused.message


def test_without_a_key_the_missing_setting_is_named() -> None:
    """It is not called then."""
    assert "ALPHA_VANTAGE_API_KEY" == AlphaVantageHistory("http://host", Keys()).missing()
