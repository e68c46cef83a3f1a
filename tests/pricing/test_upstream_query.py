from datetime import date

from flask import Flask

from omcrm.feeds.history_query import MissingDays
from omcrm.feeds.price_query import PriceResult
from omcrm.feeds.quota import CallCounts
from omcrm.market.catalogue import CATALOGUE
from omcrm.pricing.upstream_query import UpstreamQuery, fetched_price, utc_now
from omcrm.services import services_of

BTC, AAPL, EURUSD = (CATALOGUE[0], CATALOGUE[8], CATALOGUE[16])


def test_each_asset_class_is_fetched_from_its_first_source(priced: Flask) -> None:
    """With the settings of the installation, and counted with its pollers' calls."""
    settings = services_of(priced).settings
    query = UpstreamQuery(settings, 20)
    try:
        prices = [fetched_price(price) for price in query.prices([EURUSD, BTC, AAPL])]
        (result,) = query.days([MissingDays(BTC, (date(2020, 1, 1),))])
    finally:
        query.close()
    counted = sorted(path.name.partition("-")[0] for path in settings.feed_state_path.iterdir())

    assert {"BTC": "coingecko", "AAPL": "alpha_vantage", "EURUSD": "exchangerate_api"} == {
        price.symbol: price.source for price in prices if price is not None
    }
    assert (date(2020, 1, 1),) == result.missing
    assert {"alpha_vantage", "coingecko", "exchangerate_api"} <= set(counted)
    assert isinstance(CallCounts(settings.feed_state_path), CallCounts)


def test_real_histories_need_their_key(priced: Flask) -> None:
    """A source without its key does not count."""
    settings = services_of(priced).settings
    query = UpstreamQuery(settings, 1)

    assert query.real_histories(BTC)
    assert query.real_histories(AAPL)
    query.close()


def test_an_answer_without_a_price_is_none() -> None:
    """No row is made of it."""
    assert fetched_price(PriceResult("BTC", problems=("x",))) is None
    assert utc_now().tzinfo is not None
