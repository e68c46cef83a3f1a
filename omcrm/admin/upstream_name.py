"""The spelling of instrument names at each provider of prices."""

from collections.abc import Iterable, Mapping

from omcrm.feeds.declaration import Spelling
from omcrm.feeds.registry import PROVIDERS
from omcrm.feeds.usual_name import NOT_THERE, with_usual_names
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED

SPELLINGS: Mapping[str, Spelling] = {name: item.spelling for name, item in PROVIDERS.items()}
"""By the provider whose field has the name."""

ANYWHERE = (SIMULATED.name,)
"""The providers that have instruments of every class."""


SIGN_OF_ABSENCE = "-"
"""What is typed for an instrument that a provider does not have."""


def label_of(provider: str) -> str:
    """What users read."""
    return PROVIDERS[provider].label


def spelled_for(asset_classes: Iterable[AssetClass]) -> list[str]:
    """The providers in the policies of exactly these classes, in the first one's order, without
    ANYWHERE."""
    wanted = list(asset_classes)
    sources = POLICIES[wanted[0]].sources
    return [
        source
        for source in sources
        if source in SPELLINGS and source not in ANYWHERE and classes_of(source) == wanted
    ]


def sources_of(provider: str) -> tuple[str, ...]:
    """The sources that use the name in this provider's field."""
    return tuple(PROVIDERS[provider].labels)


def classes_of(provider: str) -> list[AssetClass]:
    """The classes whose policies have this provider."""
    return [item for item, policy in POLICIES.items() if provider in policy.sources]


def problem_of(provider: str, name: str, asset_class: str) -> str | None:
    """What is wrong with a typed name of an instrument of this class; None where it may be one."""
    label, spelling, known = label_of(provider), SPELLINGS[provider], classes_of(provider)
    if name == SIGN_OF_ABSENCE:
        return None
    if not spelling.fits(name):
        return f"{label}: that is no name there. One would be {spelling.example}."
    if asset_class in list(AssetClass) and asset_class not in known:
        return f"{label}: prices of {' and '.join(known)} only."
    return None


def stored_names(provider: str, name: str, asset_class: str) -> dict[str, str]:
    """What is stored for a typed name, by source of this class; nothing where the field is
    empty."""
    if not name:
        return {}
    sources = POLICIES[AssetClass(asset_class)].sources
    stored = NOT_THERE if name == SIGN_OF_ABSENCE else name
    return {source: stored for source in sources_of(provider) if source in sources}


def symbol_of_name(
    provider: str, names: Mapping[str, str], instruments: Iterable[Instrument]
) -> str | None:
    """The symbol of an instrument that has one of these names at one of the provider's sources.

    A source's ticks of one name go to one instrument only.
    """
    for instrument in map(with_usual_names, instruments):
        for source in sources_of(provider):
            name = names.get(source, NOT_THERE)
            if name != NOT_THERE and instrument.provider_symbols.get(source) == name:
                return instrument.symbol
    return None


def provider_names(provider_symbols: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Each name with the labels of the providers that use it, in the order of SPELLINGS."""
    names: dict[str, list[str]] = {}
    for provider in SPELLINGS:
        for name in dict.fromkeys(provider_symbols.get(source) for source in sources_of(provider)):
            if name:
                names.setdefault(name, []).append(label_of(provider))
    return list(names.items())
