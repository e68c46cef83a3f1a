"""Every provider of the simulator: the modules of this folder that have a `VENUE`.

Its name is the first part of its paths; those of Binance do not begin with its name.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from simulator.protocol import ProviderProtocol

BINANCE = "binance"


def _venues() -> Iterator[tuple[str, ProviderProtocol]]:
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        venue = getattr(import_module(f"{__name__}.{name}"), "VENUE", None)
        if isinstance(venue, ProviderProtocol):
            yield name, venue


PROVIDERS: Mapping[str, ProviderProtocol] = dict(_venues())
