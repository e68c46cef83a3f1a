"""The built-in exchange: it uses Binance's wire formats for every kind of instrument.

Only a demonstration has it, at the address that is set or that `run.py` starts it at.
"""

from msgspec import structs

from omcrm.feeds.declaration import Declaration
from omcrm.feeds.providers import binance
from omcrm.market.source import SIMULATED

STREAM = structs.replace(binance.STREAM, source=SIMULATED)
HISTORY = structs.replace(binance.HISTORY, source=SIMULATED, address=SIMULATED.name)

PROVIDER = Declaration(
    name="simulated",
    label="Built-in exchange",
    venue="binance",
    spelling=binance.PROVIDER.spelling,
    stream=STREAM,
    history=HISTORY,
)
