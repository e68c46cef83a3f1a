import ast
from pathlib import Path

import pytest

from omcrm.feeds import providers, registry
from omcrm.feeds.registry import POLLS, STATIC, STREAMS, FeedSettings, polls, streams
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.policy import POLICIES
from tests.values import START

COMPLETE = FeedSettings(urls=dict.fromkeys((*STREAMS, *POLLS), "ws://127.0.0.1:9"))
# The template is there to be copied.
NOT_PROVIDERS = {"__init__", "_template"}


def files() -> set[str]:
    (folder,) = providers.__path__
    return {path.stem for path in Path(folder).glob("*.py")} - NOT_PROVIDERS


def test_every_file_is_registered() -> None:
    """A provider that was written is one that can be used."""
    tree = ast.parse(Path(registry.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert files() == {name.rpartition(".")[2] for name in imported if ".providers." in str(name)}
    assert files() == {module(name) for name in (*STREAMS, *POLLS, *STATIC)}


def module(name: str) -> str:
    """The file of a source: one may be both pushed and asked."""
    return name.removesuffix("_quote")


def test_a_source_is_registered_under_its_name() -> None:
    """What users read is what the registry calls it."""
    made = {**streams(COMPLETE), **polls(COMPLETE)}

    assert [*STREAMS, *POLLS] == list(made)
    assert list(made) == [provider.source.name for provider in made.values()]


@pytest.mark.parametrize("name", STATIC)
def test_a_static_source_is_registered_under_its_name(name: str) -> None:
    """The same holds for what opens no connection."""
    ticks = STATIC[name](CATALOGUE, START)

    assert {name} == {tick.source.name for tick in ticks}


def test_without_an_address_a_provider_is_off() -> None:
    """Nothing is guessed where nothing is set."""
    assert {} == streams(FeedSettings()) == polls(FeedSettings(urls={"coingecko": ""}))


@pytest.mark.parametrize("name", [*STREAMS, *POLLS, *STATIC])
def test_some_policy_lets_every_source_speak(name: str) -> None:
    """A source that no policy names would never be shown."""
    assert any(name in policy.sources for policy in POLICIES.values())
