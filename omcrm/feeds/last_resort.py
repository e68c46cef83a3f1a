"""The hard-coded price of each instrument, for the time without any other price."""

from collections.abc import Iterable
from datetime import datetime

from omcrm.market.instrument import Instrument
from omcrm.market.source import LAST_RESORT
from omcrm.market.tick import Tick, Trade


def last_resort(instruments: Iterable[Instrument], now: datetime) -> list[Tick]:
    """A tick for each instrument that has such a price."""
    return [
        Tick(instrument.symbol, LAST_RESORT, now, trade=Trade(instrument.last_resort_price))
        for instrument in instruments
        if instrument.last_resort_price is not None
    ]
