"""What the market's prices are, by the built-in exchange itself."""

import json
import urllib.request
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from omcrm.market.instrument import Instrument
from omcrm.market.source import SIMULATED
from simulator.drill.market_history import PriceRange

_TIMEOUT = 60.0


class MarketTruth:
    """Asks an exchange at this ws:// URL for the prices of instruments; `since` is a time of its
    market."""

    def __init__(self, url: str, instruments: Iterable[Instrument], since: datetime) -> None:
        self._url, self._since = url, round(since.timestamp() * 1000)
        self._symbols = {
            instrument.provider_symbols[SIMULATED.name].upper(): instrument.symbol
            for instrument in instruments
        }

    def ask(self) -> dict[str, PriceRange]:
        """The prices of each symbol since the last call."""
        answer = ask_exchange(self._url, "GET", f"/control/ranges?since={self._since}")
        self._since = answer["time"]
        return {
            self._symbols[name]: PriceRange(*map(Decimal, prices))
            for name, prices in answer["ranges"].items()
            if name in self._symbols
        }


def ask_exchange(url: str, method: str, path: str, body: object = None) -> Any:
    """The JSON that the exchange at this ws:// URL answers."""
    address = url.replace("ws://", "http://") + path
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        return json.loads(answer.read())
