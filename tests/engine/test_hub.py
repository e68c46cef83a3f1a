import logging
import threading

import pytest

from omcrm.engine.market_view import Hub
from omcrm.market.quote import Quote
from tests.values import quote, trade

BTC = quote(trade("61837.63"))


def test_publishes_to_every_listener() -> None:
    """Every listener receives each quote, in the order of subscription."""
    hub, received = Hub(), []
    hub.subscribe(lambda quote: received.append(("first", quote)))
    hub.subscribe(lambda quote: received.append(("second", quote)))
    hub.publish(BTC)

    assert [("first", BTC), ("second", BTC)] == received


def test_subscribing_twice_is_subscribing_once() -> None:
    """A listener that subscribes twice receives each quote once."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    hub.subscribe(received.append)
    hub.publish(BTC)

    assert [BTC] == received


def test_an_unsubscribed_listener_receives_nothing() -> None:
    """After unsubscribing a listener receives no quote, and unsubscribing again does nothing."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    hub.unsubscribe(received.append)
    hub.unsubscribe(received.append)
    hub.publish(BTC)

    assert [] == received


def test_a_failing_listener_does_not_affect_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Its error is logged with the traceback, and the other listeners receive the quote."""
    hub, received = Hub(), []

    def fail(quote: Quote) -> None:
        raise RuntimeError("cannot listen")

    hub.subscribe(fail)
    hub.subscribe(received.append)
    with caplog.at_level(logging.ERROR):
        hub.publish(BTC)

    assert [BTC] == received
    assert "a listener failed on BTC" == caplog.messages[0]
    assert "cannot listen" in caplog.text


def test_a_listener_may_unsubscribe_and_subscribe_while_it_is_called() -> None:
    """A quote goes to the listeners that were subscribed when it was published."""
    hub, received = Hub(), []

    def once(quote: Quote) -> None:
        hub.unsubscribe(once)
        hub.subscribe(received.append)

    hub.subscribe(once)
    hub.publish(BTC)
    hub.publish(BTC)

    assert [BTC] == received


def test_listeners_run_in_the_publishing_thread() -> None:
    """A listener is called in the thread that publishes the quote."""
    hub, threads = Hub(), []
    hub.subscribe(lambda quote: threads.append(threading.current_thread()))
    publisher = threading.Thread(target=hub.publish, args=(BTC,))
    publisher.start()
    publisher.join()

    assert [publisher] == threads


def test_listeners_may_change_while_a_thread_publishes(restless: None) -> None:
    """A listener receives every quote once although others subscribe and unsubscribe."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    listeners = [lambda quote: None for _ in range(200)]

    def subscribe_and_unsubscribe() -> None:
        for listener in listeners:
            hub.subscribe(listener)
            hub.unsubscribe(listener)

    thread = threading.Thread(target=subscribe_and_unsubscribe)
    thread.start()
    for _ in range(500):
        hub.publish(BTC)
    thread.join()

    assert [BTC] * 500 == received
