import ast
from pathlib import Path

import pytest

from omcrm.feeds import providers, registry
from omcrm.feeds.registry import POLLS, STATIC, STREAMS, FeedSettings, polls, streams
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.policy import POLICIES
from tests.values import START

COMPLETE = FeedSettings(urls=dict.fromkeys((*STREAMS, *POLLS), "ws://127.0.0.1:9"))
# The template is only copied.
NOT_PROVIDERS = {"_template"}


def folders() -> set[str]:
    (folder,) = providers.__path__
    return {path.parent.name for path in Path(folder).glob("*/__init__.py")} - NOT_PROVIDERS


def test_every_folder_is_registered() -> None:
    """Every provider is in the registry."""
    tree = ast.parse(Path(registry.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert folders() == {str(name).split(".")[3] for name in imported if ".providers." in str(name)}


def test_a_source_is_registered_under_its_name() -> None:
    """The name in the registry is that of the source."""
    made = {**streams(COMPLETE), **polls(COMPLETE)}

    assert [*STREAMS, *POLLS] == list(made)
    assert list(made) == [provider.source.name for provider in made.values()]


@pytest.mark.parametrize("name", STATIC)
def test_a_static_source_is_registered_under_its_name(name: str) -> None:
    """The same holds for sources without a connection."""
    ticks = STATIC[name](CATALOGUE, START)

    assert {name} == {tick.source.name for tick in ticks}


def test_without_an_address_a_provider_is_off() -> None:
    """Without a setting there is no default address."""
    assert {} == streams(FeedSettings()) == polls(FeedSettings(urls={"coingecko": ""}))


@pytest.mark.parametrize("name", [*STREAMS, *POLLS, *STATIC])
def test_some_policy_names_every_source(name: str) -> None:
    """A source that no policy names would never be shown."""
    assert any(name in policy.sources for policy in POLICIES.values())
