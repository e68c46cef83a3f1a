import json
import time
from itertools import pairwise

import pytest
from click.testing import CliRunner

from simulator.command import exchange
from simulator.steady_load import SteadyLoad

STREAMS = ("btcusdt", "aapl", "eurusd")


@pytest.mark.parametrize("spread", [False, True])
def test_every_trade_has_a_new_price(serve, room, spread: bool) -> None:
    """Twenty a second of each symbol, stamped when they are made."""
    running = serve(lambda subscriptions: SteadyLoad(7, subscriptions, 20, spread, room.FEW))
    client = running.connect("/stream?streams=" + "/".join(f"{stream}@trade" for stream in STREAMS))
    prices: dict[str, list[str]] = {stream.upper(): [] for stream in STREAMS}
    began = time.monotonic()
    while len(prices["BTCUSDT"]) < 20:
        trade = json.loads(client.recv())["data"]
        prices[trade["s"]].append(trade["p"])
        assert time.time() * 1000 >= trade["T"]
    took = time.monotonic() - began

    assert took > 0.8
    for series in prices.values():
        assert len(series) in (19, 20, 21)
        assert all(price != before for before, price in pairwise(series))


def test_book_and_day_are_sent_once_after_a_subscription(serve, room) -> None:
    """So that a trade is one change of a quote."""
    running = serve(lambda subscriptions: SteadyLoad(7, subscriptions, 20, catalogue=room.FEW))
    client = running.connect(
        "/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@ticker/btcusdt@kline_1s"
    )
    kinds = [json.loads(client.recv())["stream"].partition("@")[2] for _ in range(30)]

    assert ["bookTicker", "ticker", "trade"] == kinds[:3]
    assert ["trade"] * 27 == kinds[3:]


def test_control_shows_the_rate(serve, room) -> None:
    """With the mode."""
    running = serve(lambda subscriptions: SteadyLoad(7, subscriptions, 20, catalogue=room.FEW))
    status = running.get("/control")

    assert ("beat", 20) == (status["mode"], status["rate"])


@pytest.mark.parametrize(
    "arguments", [["--beat", "10", "--tape", "some"], ["--spread"], ["--beat", "0"]]
)
def test_contradictory_options_are_refused(arguments: list[str]) -> None:
    """A recording has its own rate."""
    assert 2 == CliRunner().invoke(exchange, arguments).exit_code
