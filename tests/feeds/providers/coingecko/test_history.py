from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.feeds.keys import Keys
from omcrm.feeds.providers.coingecko.history import CoinGeckoHistory
from omcrm.market.daily_bar import DailyBar
from tests.feeds.providers.coingecko.samples import HISTORY
from tests.feeds.samples import LAST, NOW, history_request

PROVIDER = CoinGeckoHistory("http://host", Keys(lambda name: "an-example-key"))


@pytest.mark.parametrize(("back", "days"), [(2, 7), (6, 7), (7, 14), (14, 30), (29, 30)])
def test_no_more_is_asked_for_than_is_needed(back: int, days: int) -> None:
    """The first day must be complete."""
    first = NOW.date() - timedelta(days=back)
    (call,) = PROVIDER.calls(structs.replace(history_request(HISTORY.name), first=first))

    assert f"http://host/coins/bitcoin/ohlc?vs_currency=usd&days={days}" == call.url
    assert {"x-cg-demo-api-key": "an-example-key"} == call.headers


def test_a_day_is_made_of_its_six_candles() -> None:
    """Open of the first, close of the last, highest high and lowest low; there is no volume."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    (first, _) = PROVIDER.parse(call, HISTORY.days, history_request(HISTORY.name))

    assert isinstance(first, DailyBar)
    assert date(2026, 1, 4) == first.day
    assert (Decimal("91006.1"), Decimal("92011.0"), Decimal("89989.0"), Decimal("91511.2")) == (
        first.open,
        first.high,
        first.low,
        first.close,
    )
    assert first.volume is None


def test_an_incomplete_day_is_left_out() -> None:
    """Its high may be in a missing candle."""
    (call,) = PROVIDER.calls(history_request(HISTORY.name))
    rows = HISTORY.days.body.decode()[2:-2].split("],[")
    body = f"[[{'],['.join(rows[:8] + rows[9:])}]]".encode()
    events = PROVIDER.parse(
        call, structs.replace(HISTORY.days, body=body), history_request(HISTORY.name)
    )

    assert [LAST] == [candle.day for candle in events]
