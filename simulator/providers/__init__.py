"""Every provider of the simulator, by the first part of its paths."""

from collections.abc import Mapping

from simulator import rest
from simulator.protocol import ProviderProtocol
from simulator.providers import (
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

PROVIDERS: Mapping[str, ProviderProtocol] = {
    # Its paths do not begin with its name.
    BINANCE: ProviderProtocol(open_socket=binance.open_socket, answer=rest.answer),
    "alpaca": ProviderProtocol(open_socket=alpaca.open_socket),
    "alpha_vantage": ProviderProtocol(answer=alpha_vantage.answer),
    "coinbase": ProviderProtocol(open_socket=coinbase.open_socket, answer=coinbase.answer),
    "coingecko": ProviderProtocol(answer=coingecko.answer),
    "exchangerate_api": ProviderProtocol(answer=exchangerate_api.answer),
    "finnhub": ProviderProtocol(open_socket=finnhub.open_socket, answer=finnhub.answer),
    "frankfurter": ProviderProtocol(answer=frankfurter.answer),
    "kraken": ProviderProtocol(open_socket=kraken.open_socket),
    "massive": ProviderProtocol(open_socket=massive.open_socket),
    "news": ProviderProtocol(answer=news.answer),
}
