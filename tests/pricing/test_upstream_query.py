from datetime import date

from flask import Flask

from omcrm.feeds.history_query import Wish
from omcrm.feeds.price_query import Answer
from omcrm.feeds.quota import Ledger
from omcrm.market.catalogue import CATALOGUE
from omcrm.pricing.asking import Asking, told_price, utc_now
from omcrm.settings import Settings

BTC, AAPL, EURUSD = (CATALOGUE[0], CATALOGUE[8], CATALOGUE[16])


def test_each_kind_is_asked_of_its_first_source(priced: Flask) -> None:
    """With the settings of the installation, and counted where its pollers count."""
    settings: Settings = priced.extensions["omcrm.settings"]
    asking = Asking(settings, 20)
    try:
        told = [told_price(price) for price in asking.prices([EURUSD, BTC, AAPL])]
        (found,) = asking.days([Wish(BTC, (date(2020, 1, 1),))])
    finally:
        asking.close()
    counted = sorted(path.name.partition("-")[0] for path in settings.feed_state_path.iterdir())

    assert {"BTC": "coingecko", "AAPL": "alpha_vantage", "EURUSD": "exchangerate_api"} == {
        price.symbol: price.source for price in told if price is not None
    }
    assert (date(2020, 1, 1),) == found.missing
    assert {"alpha_vantage", "coingecko", "exchangerate_api"} <= set(counted)
    assert isinstance(Ledger(settings.feed_state_path), Ledger)


def test_it_knows_whether_somebody_real_tells_days(priced: Flask) -> None:
    """A share without a source that has its key has nobody."""
    settings: Settings = priced.extensions["omcrm.settings"]
    asking = Asking(settings, 1)

    assert asking.real_histories(BTC)
    assert asking.real_histories(AAPL)
    asking.close()


def test_an_answer_without_a_price_is_none() -> None:
    """There is nothing to write down of it."""
    assert told_price(Answer("BTC", problems=("x",))) is None
    assert utc_now().tzinfo is not None
