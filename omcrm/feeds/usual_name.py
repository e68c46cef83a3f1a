"""The names of an instrument at the sources: as they are stored, else as the sources spell them.

So a provider that is added later has the instruments of an installation without a migration.
"""

from collections.abc import Iterable

from msgspec import structs

from omcrm.feeds.declaration import Declaration
from omcrm.feeds.registry import PROVIDERS
from omcrm.market.currency import currencies, pair_currency
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES

NOT_THERE = ""
"""The stored name of an instrument that a source does not have."""


def with_usual_names(
    instrument: Instrument, providers: Iterable[Declaration] = PROVIDERS.values()
) -> Instrument:
    """The instrument with all of its names, and without the sources that do not have it."""
    stored = instrument.provider_symbols
    names = {source: name for source, name in stored.items() if name != NOT_THERE}
    for declaration in providers:
        name = usual_name(declaration, instrument)
        if name is not None:
            sources = POLICIES[instrument.asset_class].sources
            new = [source for source in declaration.labels if source not in stored]
            names |= {source: name for source in new if source in sources}
    return structs.replace(instrument, provider_symbols=names)


def usual_name(declaration: Declaration, instrument: Instrument) -> str | None:
    """How a provider would spell the instrument; None where it has no rule for its names."""
    spelling, symbol = declaration.spelling, instrument.symbol
    usual = spelling.usual.get(instrument.asset_class)
    if usual is None:
        return None
    base = quote = ""
    if instrument.asset_class is AssetClass.FOREX:
        is_there = spelling.pairs is None or symbol in spelling.pairs
        if pair_currency((symbol,)) is None or not is_there:
            return None
        base, quote = currencies(symbol)
    name = spelling.normalized(usual.format(code=_code(instrument), base=base, quote=quote))
    return name if name is not None and spelling.fits(name) else None


def _code(instrument: Instrument) -> str:
    """What providers call it: a coin may have another symbol here than everywhere else, as MATIC,
    which is POL at every exchange; then its stored names have the coin."""
    if instrument.asset_class is AssetClass.CRYPTO:
        for declaration in PROVIDERS.values():
            name = instrument.provider_symbols.get(declaration.name, NOT_THERE)
            coin = declaration.spelling.coin(name)
            if coin is not None:
                return coin
    return instrument.symbol
