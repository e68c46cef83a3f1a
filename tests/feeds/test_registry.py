import re
from itertools import chain
from pathlib import Path

import pytest

from omcrm.feeds import providers
from omcrm.feeds.declaration import Declaration
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.providers import _template
from omcrm.feeds.registry import (
    HISTORIES,
    LABELS,
    POLLS,
    PROVIDERS,
    STREAMS,
    histories,
    polls,
    streams,
)
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED

HISTORY_ADDRESSES = [item.history.address for item in HISTORIES.values()]
COMPLETE = FeedSettings(
    urls=dict.fromkeys((*STREAMS, *POLLS, *HISTORY_ADDRESSES), "ws://127.0.0.1:9")
)
(FOLDER,) = map(Path, providers.__path__)
DECLARED = pytest.mark.parametrize("declaration", [*PROVIDERS.values(), _template.PROVIDER])


def folder_of(declaration: Declaration) -> Path:
    is_template = declaration is _template.PROVIDER
    return FOLDER / ("_template" if is_template else declaration.name)


def test_every_folder_is_a_provider() -> None:
    """A folder is all that a new provider needs here; the template is only copied."""
    folders = {path.parent.name for path in FOLDER.glob("*/__init__.py")}

    assert folders - {"_template"} == PROVIDERS.keys()
    assert {FOLDER / "__init__.py"} == set(FOLDER.glob("*.py"))


@DECLARED
def test_a_folder_has_the_parsers_that_it_declares(declaration: Declaration) -> None:
    """A stream, a poller, a history; and no other is written in vain."""
    declared = {
        part for part in ("stream", "poll", "history") if getattr(declaration, part) is not None
    }
    written = {path.stem for path in folder_of(declaration).glob("*.py")}

    assert declared == written & {"stream", "poll", "history"}
    assert declared


def test_a_source_is_registered_under_its_name() -> None:
    """The name in the registry is that of the source, and so is that of its class."""
    for declared, made in (
        (STREAMS, streams(COMPLETE)),
        (POLLS, polls(COMPLETE)),
        (HISTORIES, histories(COMPLETE)),
    ):
        assert list(declared) == list(made)
        assert list(made) == [provider.source.name for provider in made.values()]


def test_the_first_source_has_the_name_of_its_folder() -> None:
    """It is what the form's field and the folder are named after."""
    assert list(PROVIDERS) == [next(iter(item.labels)) for item in PROVIDERS.values()]


def test_without_an_address_a_provider_is_off() -> None:
    """Without a setting there is no default address."""
    assert {} == streams(FeedSettings()) == polls(FeedSettings(urls={"coingecko": ""}))
    assert {} == histories(FeedSettings())
    assert ["coinbase"] == list(
        histories(FeedSettings(urls={"coinbase_rest": "http://127.0.0.1:9", "coinbase": "ws://x"}))
    )


@pytest.mark.parametrize("name", LABELS)
def test_some_policy_names_every_source(name: str) -> None:
    """A source that no policy names would never be shown."""
    assert any(name in policy.sources for policy in POLICIES.values())


def test_every_source_of_a_policy_has_a_label() -> None:
    """A misspelled name in a policy would never be a source."""
    assert {source for policy in POLICIES.values() for source in policy.sources} == LABELS.keys()
    assert len(LABELS) == len(set(LABELS.values()))


def test_the_order_is_that_of_the_policies() -> None:
    """The built-in exchange, which has every class, is the last."""
    crypto = POLICIES[AssetClass.CRYPTO].sources

    assert [name for name in crypto if name in STREAMS and name != SIMULATED.name] == [
        name for name in STREAMS if name in crypto and name != SIMULATED.name
    ]
    assert SIMULATED.name == list(PROVIDERS)[-1]


# Settings


def test_no_setting_is_declared_twice() -> None:
    """Nor two addresses of the same name; two sources of one upstream share its key."""
    keys = {key for provider in PROVIDERS.values() for key in provider.keys}
    declared = [
        [item.env for item in chain(provider.addresses, provider.choices)]
        for provider in PROVIDERS.values()
    ]
    addresses = [address.name for item in PROVIDERS.values() for address in item.addresses]
    names = [*chain.from_iterable(declared), *(key.env for key in keys)]

    assert sorted(set(names)) == sorted(names)
    assert sorted(set(addresses)) == sorted(addresses)
    assert all(re.fullmatch("[A-Z][A-Z0-9_]+", name) for name in names)


@DECLARED
def test_its_addresses_are_those_of_its_sources_first(declaration: Declaration) -> None:
    """The first has the name of the first source; a history is at one of them."""
    addresses = [address.name for address in declaration.addresses]
    history = declaration.history

    assert all(address.about.endswith(".") for address in declaration.addresses)
    if declaration.name != SIMULATED.name:
        assert declaration.labels.keys() <= set(addresses)
        assert addresses[0] == next(iter(declaration.labels))
        assert history is None or history.address in addresses


@DECLARED
def test_its_example_is_a_name(declaration: Declaration) -> None:
    """The example of the form's field matches its own pattern."""
    spelling = declaration.spelling

    assert spelling.fits(spelling.example)
    assert spelling.example == spelling.normalized(f" {spelling.example} ")
