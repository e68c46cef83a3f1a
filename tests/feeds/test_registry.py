import ast
from pathlib import Path

import pytest

from omcrm.feeds import providers, registry
from omcrm.feeds.registry import STATIC, STREAMS, FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.policy import POLICIES
from tests.values import START

COMPLETE = FeedSettings(
    binance_ws_url="wss://binance.test",
    binance_streams=("trade", "bookTicker"),
    exchange_url="ws://127.0.0.1:9",
)
NOTHING = FeedSettings(binance_ws_url="", binance_streams=("trade",))
# The template is there to be copied.
NOT_PROVIDERS = {"__init__", "_template"}


def files() -> set[str]:
    (folder,) = providers.__path__
    return {each.stem for each in Path(folder).glob("*.py")} - NOT_PROVIDERS


def test_every_file_is_registered() -> None:
    """A provider that was written is one that can be used."""
    tree = ast.parse(Path(registry.__file__).read_text())
    imported = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}

    assert files() == {name.rpartition(".")[2] for name in imported if ".providers." in str(name)}
    assert files() == STREAMS.keys() | STATIC.keys()


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_registered_under_the_name_of_its_source(name: str) -> None:
    """What users read is what the registry calls it."""
    assert name == STREAMS[name](COMPLETE).source.name


@pytest.mark.parametrize("name", STATIC)
def test_a_static_source_is_registered_under_its_name(name: str) -> None:
    """The same holds for what opens no connection."""
    ticks = STATIC[name](CATALOGUE, START)

    assert {name} == {each.source.name for each in ticks}


@pytest.mark.parametrize("name", STREAMS)
def test_without_its_settings_a_provider_is_off(name: str) -> None:
    """Nothing is guessed where nothing is set."""
    assert None is STREAMS[name](NOTHING)


@pytest.mark.parametrize("name", [*STREAMS, *STATIC])
def test_some_policy_lets_every_source_speak(name: str) -> None:
    """A source that no policy names would never be shown."""
    assert any(name in policy.sources for policy in POLICIES.values())
