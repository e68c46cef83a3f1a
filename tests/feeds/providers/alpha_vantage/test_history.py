from decimal import Decimal

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied
from omcrm.feeds.providers.alpha_vantage.history import AlphaVantageHistory
from omcrm.market.daily_bar import DailyBar
from tests.feeds.providers.alpha_vantage.samples import HISTORY
from tests.feeds.samples import history_request, reply

KEY = "an-example-key"
PROVIDER = AlphaVantageHistory("http://host", Keys(lambda name: KEY))


def test_the_compact_series_is_asked_for() -> None:
    """The full series needs a paid plan."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))

    assert "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact" in call.url


def test_a_days_figures_are_texts() -> None:
    """The texts are read as exact decimals."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    (first, _) = PROVIDER.parse(call, HISTORY.days, history_request(HISTORY.name))

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
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    (refused,) = PROVIDER.parse(call, reply({"Information": words}), history_request(HISTORY.name))

    assert isinstance(refused, AccessDenied)
    assert 12 * 3600 == refused.retry_after
    assert KEY not in refused.message


def test_without_a_key_the_missing_setting_is_named() -> None:
    """It is not called then."""
    assert "ALPHA_VANTAGE_API_KEY" == AlphaVantageHistory("http://host", Keys()).missing()
