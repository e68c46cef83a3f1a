"""The spelling of instrument names at each provider of prices."""

from collections.abc import Mapping

from omcrm.feeds.declaration import Spelling
from omcrm.feeds.registry import PROVIDERS
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED

SPELLINGS: Mapping[str, Spelling] = {name: item.spelling for name, item in PROVIDERS.items()}
"""By the provider whose field has the name."""

ANYWHERE = (SIMULATED.name,)
"""The providers that have instruments of every class."""


def label_of(provider: str) -> str:
    """What users read."""
    return PROVIDERS[provider].label


def spelled_for(asset_class: AssetClass) -> list[str]:
    """The providers in the policy of this class, in its order, without ANYWHERE."""
    sources = POLICIES[asset_class].sources
    return [source for source in sources if source in SPELLINGS and source not in ANYWHERE]


def sources_of(provider: str) -> tuple[str, ...]:
    """The sources that use the name in this provider's field."""
    return tuple(PROVIDERS[provider].labels)


def classes_of(provider: str) -> list[AssetClass]:
    """The classes whose policies have this provider."""
    return [item for item, policy in POLICIES.items() if provider in policy.sources]


def provider_names(provider_symbols: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Each name with the labels of the providers that use it, in the order of SPELLINGS."""
    names: dict[str, list[str]] = {}
    for provider in SPELLINGS:
        for name in dict.fromkeys(provider_symbols.get(source) for source in sources_of(provider)):
            if name is not None:
                names.setdefault(name, []).append(label_of(provider))
    return list(names.items())
