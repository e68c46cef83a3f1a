import json
import time

import pytest

from simulator.model import Model, Step
from tests.processes import PATIENCE

KINDS = ("trade", "aggTrade", "bookTicker", "ticker", "miniTicker", "kline_1s")


def test_every_stream_of_every_class_moves(running, room) -> None:
    """Coins, stocks and currencies have trades, quotes and figures."""
    symbols = [item.lower() for item in running.get("/control")["symbols"]]
    streams = [f"{symbol}@{kind}" for symbol in symbols for kind in KINDS] + ["!miniTicker@arr"]
    client = running.connect("/stream?streams=" + "/".join(streams))
    missing = set(streams)
    deadline = time.monotonic() + PATIENCE
    while missing and time.monotonic() < deadline:
        missing.discard(json.loads(client.recv())["stream"])

    assert ["btcusdt", "polusdt", "aapl", "eurusd"] == symbols
    assert set() == missing


def test_a_ticker_agrees_with_the_trades_before_it(running, room) -> None:
    """Its last price and id are those of the last trade sent, its bid and ask the last quote."""
    client = running.connect("/stream?streams=eurusd@trade/eurusd@bookTicker/eurusd@ticker")
    last: dict[str, dict[str, object]] = {}
    compared = 0
    while compared < 1:
        message = json.loads(client.recv())
        kind, data = message["stream"].partition("@")[2], message["data"]
        if kind == "ticker" and {"trade", "bookTicker"} <= set(last):
            compared += 1
            quote, trade = last["bookTicker"], last["trade"]
            assert (trade["p"], trade["q"], trade["t"]) == (data["c"], data["Q"], data["L"])
            assert [quote[key] for key in "bBaA"] == [data[key] for key in "bBaA"]
            assert data["l"] <= data["c"] <= data["h"]
        last[kind] = data


def test_event_times_are_now(running, room) -> None:
    """By the wall clock."""
    client = running.connect("/ws/eurusd@trade")
    trade = json.loads(client.recv())

    assert abs(trade["E"] - time.time() * 1000) < 1000 * PATIENCE
    assert 0 <= trade["E"] - trade["T"] < 1_000


def test_a_machine_that_is_too_slow_for_its_steps_serves_calls(
    running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its market goes on, with fewer trades."""
    step = Model.step

    def slow(model: Model, now: int) -> Step:
        time.sleep(0.01)
        return step(model, now)

    monkeypatch.setattr(Model, "step", slow)
    client = running.connect("/ws/btcusdt@trade")
    for _ in range(3):
        client.recv()

        assert running.get("/control/prices")["BTCUSDT"]
