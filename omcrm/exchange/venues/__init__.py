"""Every venue the exchange speaks for, by the first part of its paths."""

from collections.abc import Mapping

from omcrm.exchange import rest
from omcrm.exchange.venue import Venue
from omcrm.exchange.venues import (
    alpaca,
    alpha_vantage,
    binance,
    coinbase,
    coingecko,
    exchangerate_api,
    finnhub,
    frankfurter,
    kraken,
    massive,
    news,
)

BINANCE = "binance"

VENUES: Mapping[str, Venue] = {
    # Its paths stand without its name.
    BINANCE: Venue(speak=binance.speak, answer=rest.answer),
    "alpaca": Venue(speak=alpaca.speak),
    "alpha_vantage": Venue(answer=alpha_vantage.answer),
    "coinbase": Venue(speak=coinbase.speak, answer=coinbase.answer),
    "coingecko": Venue(answer=coingecko.answer),
    "exchangerate_api": Venue(answer=exchangerate_api.answer),
    "finnhub": Venue(speak=finnhub.speak, answer=finnhub.answer),
    "frankfurter": Venue(answer=frankfurter.answer),
    "kraken": Venue(speak=kraken.speak),
    "massive": Venue(speak=massive.speak),
    "news": Venue(answer=news.answer),
}
