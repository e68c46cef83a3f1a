"""Every provider there is: each folder of `providers` whose name begins with a letter."""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from omcrm.feeds import providers
from omcrm.feeds.declaration import Declaration
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryProvider
from omcrm.feeds.provider import PollProvider, StreamProvider
from omcrm.market.policy import POLICIES
from omcrm.market.source import LAST_RESORT, SIMULATED


def _declared() -> Iterator[Declaration]:
    for folder in pkgutil.iter_modules(providers.__path__):
        if not folder.name.startswith("_"):
            declaration: Declaration = import_module(f"{providers.__name__}.{folder.name}").PROVIDER
            yield declaration


def _rank(declaration: Declaration) -> tuple[int, str]:
    """The place of its first source in the policies; the built-in exchange's is the last one."""
    ordered = [source for policy in POLICIES.values() for source in policy.sources]
    places = [place for place, source in enumerate(ordered) if source == declaration.name]
    if declaration.name == SIMULATED.name or not places:
        return len(ordered), declaration.name
    return places[0], declaration.name


PROVIDERS: Mapping[str, Declaration] = {
    declaration.name: declaration for declaration in sorted(_declared(), key=_rank)
}
"""By the name of the folder, in the policies' order."""

STREAMS: Mapping[str, Declaration] = {
    declaration.stream.source.name: declaration
    for declaration in PROVIDERS.values()
    if declaration.stream is not None
}
"""By the name of the source that streams."""

POLLS: Mapping[str, Declaration] = {
    declaration.poll.source.name: declaration
    for declaration in PROVIDERS.values()
    if declaration.poll is not None
}
"""By the name of the source that is polled."""

HISTORIES: Mapping[str, Declaration] = {
    declaration.history.source.name: declaration
    for declaration in PROVIDERS.values()
    if declaration.history is not None
}
"""By the name of the source that has finished days."""

LABELS: Mapping[str, str] = {
    **{name: label for item in PROVIDERS.values() for name, label in item.labels.items()},
    LAST_RESORT.name: "Last resort",
}
"""The label of every source of prices."""


def streams(settings: FeedSettings) -> dict[str, StreamProvider]:
    """The streaming providers that have an address."""
    return {
        name: _module(declaration, "stream").create(settings)
        for name, declaration in STREAMS.items()
        if settings.urls.get(name)
    }


def polls(settings: FeedSettings) -> dict[str, PollProvider]:
    """The polled providers that have an address."""
    return {
        name: _module(declaration, "poll").create(settings)
        for name, declaration in POLLS.items()
        if settings.urls.get(name)
    }


def histories(settings: FeedSettings) -> dict[str, HistoryProvider]:
    """The providers of finished days that have an address."""
    return {
        name: _module(declaration, "history").create(settings)
        for name, declaration in HISTORIES.items()
        if declaration.history is not None and settings.urls.get(declaration.history.address)
    }


def _module(declaration: Declaration, part: str) -> Any:
    return import_module(f"{providers.__name__}.{declaration.name}.{part}")
