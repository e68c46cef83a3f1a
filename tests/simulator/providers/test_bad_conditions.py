"""The fault `bad_conditions` at every provider that writes conditions of shares."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from simulator.providers import PROVIDERS, alpaca, finnhub, massive
from simulator.simulated_trade import CANCEL, CORRECT

VENUES = sorted(name for name, protocol in PROVIDERS.items() if protocol.conditions)
FACTOR = 0.93


def at_alpaca(running) -> tuple[Any, Callable[[Any], Any]]:
    client = running.connect("/alpaca/v2/sip")
    client.send(json.dumps({"action": "auth", "key": "an-id", "secret": "a-secret"}))
    client.send(json.dumps({"action": "subscribe", "trades": ["AAPL"]}))
    return client, lambda frame: [item for item in frame if item["T"] in ("t", "x", "c")]


def at_finnhub(running) -> tuple[Any, Callable[[Any], Any]]:
    client = running.connect("/finnhub/?token=a-token")
    client.send(json.dumps({"type": "subscribe", "symbol": "AAPL"}))
    return client, lambda frame: frame.get("data", [])


def at_massive(running) -> tuple[Any, Callable[[Any], Any]]:
    client = running.connect("/massive/stocks")
    client.send(json.dumps({"action": "auth", "params": "a-key"}))
    client.send(json.dumps({"action": "subscribe", "params": "T.AAPL"}))
    return client, lambda frame: [item for item in frame if item["ev"] == "T"]


AT = {"alpaca": at_alpaca, "finnhub": at_finnhub, "massive": at_massive}


@pytest.fixture(params=VENUES)
def venue(request: pytest.FixtureRequest) -> str:
    """Each provider that writes conditions."""
    return str(request.param)


def test_the_venues_are_those_of_shares() -> None:
    """Coins have no conditions."""
    assert ["alpaca", "finnhub", "massive"] == VENUES


def test_each_condition_is_on_a_trade_far_away(running, venue: str) -> None:
    """The market's own price stays, and every condition that the provider lists is sent once."""
    client, trades_of = AT[venue](running)
    while not (trades := trades_of(json.loads(client.recv(), parse_float=Decimal))):
        pass
    running.fault("bad_conditions", venue=venue, symbol="AAPL", factor=FACTOR)
    last = Decimal(running.get("/control/prices")["AAPL"])
    known = {
        "alpaca": {*alpaca.CONDITIONS} - {CANCEL, CORRECT},
        "finnhub": {*finnhub.CONDITIONS.values()},
        "massive": {*massive.CONDITIONS.values()},
    }[venue]
    seen: set[Any] = set()
    while seen != known:
        for trade in trades_of(json.loads(client.recv(), parse_float=Decimal)):
            if trade.get("T", "t") == "t" and trade["p"] < last * Decimal("0.95"):
                seen |= {*trade["c"]} & known
        assert seen <= known

    assert trades


def test_alpaca_takes_trades_back(running) -> None:
    """A cancel and a correction name a trade that was sent just before."""
    client, trades_of = at_alpaca(running)
    while not trades_of(json.loads(client.recv())):
        pass
    running.fault("bad_conditions", venue="alpaca", symbol="AAPL", factor=FACTOR)
    sent: dict[int, Any] = {}
    taken_back: dict[str, Any] = {}
    while len(taken_back) < 2:
        for item in trades_of(json.loads(client.recv(), parse_float=Decimal)):
            if item["T"] == "t":
                sent[item["i"]] = item
            else:
                taken_back[item["T"]] = item

    cancel, correction = taken_back["x"], taken_back["c"]
    assert (sent[cancel["i"]]["p"], "C") == (cancel["p"], cancel["a"])
    assert sent[correction["oi"]]["p"] == correction["op"] < correction["cp"]
    assert correction["ci"] not in sent
