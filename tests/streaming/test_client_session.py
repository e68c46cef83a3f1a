from typing import Any

import pytest

from omcrm.streaming.fanout import FanOut
from tests.streaming.clients import client_of, stranger


class Sink:
    """Takes whatever the fan-out writes."""

    def __init__(self) -> None:
        self.written = 0

    def try_send(self, state: object, *, asked: bool = False) -> bool:
        self.written += 1
        return True

    def direct(self) -> None:
        return None

    def on_ready(self, wants_state: object) -> None:
        pass


def test_the_owner_is_the_user_or_the_address() -> None:
    """Each client has an id of its own."""
    assert (7, "10.0.0.1") == (client_of(7).owner, stranger("10.0.0.1").owner)
    assert client_of(7).id != client_of(7).id


def test_subscriptions_beyond_the_limit_are_returned() -> None:
    """In the given order, each once; other clients have limits of their own."""
    client, other = client_of(1, subscriptions=3), client_of(1, subscriptions=3)

    assert (["A", "B", "C"], ["D"]) == client.accept(["A", "B", "A", "C", "D"])
    assert (["A"], ["E"]) == client.accept(["E", "A"])
    assert {"A", "B", "C"} == client.subscriptions
    assert (["E"], []) == other.accept(["E"])


def test_a_released_subscription_makes_room() -> None:
    """Releasing one that was never there is harmless."""
    client = client_of(1, subscriptions=1)
    client.accept(["A"])
    client.release(["A", "never there"])

    assert (["B"], []) == client.accept(["B"])


@pytest.mark.parametrize("times", [1, 2])
def test_a_client_has_one_subscriber(times: int) -> None:
    """However often it subscribes; after the end there is none, and a second end is harmless."""
    fanout, client = FanOut(), client_of(1)
    for _ in range(times):
        client.subscribe_quotes(fanout, Sink(), lambda quote: "", ["BTC"])
    assert 1 == sum(tier.size for tier in fanout._tiers)
    client.unsubscribe(["ETH"])
    assert fanout.is_watched("BTC")
    for _ in range(times):
        client.drop_subscriptions()

    assert not fanout.is_watched("BTC")
    client.unsubscribe(["BTC"])


def test_a_client_that_ends_while_it_subscribes_has_no_subscriber(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the end comes before or after the subscription."""
    fanout, client = FanOut(), client_of(1)
    subscribe = fanout.subscribe

    def subscribe_after_the_end(*arguments: Any) -> Any:
        client.drop_subscriptions()
        return subscribe(*arguments)

    monkeypatch.setattr(fanout, "subscribe", subscribe_after_the_end)
    client.subscribe_quotes(fanout, Sink(), lambda quote: "", ["BTC"])

    assert not fanout.is_watched("BTC")
