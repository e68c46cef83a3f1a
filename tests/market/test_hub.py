import logging
import threading

import pytest

from omcrm.market.hub import Hub
from omcrm.market.quote import Quote
from tests.values import quote, trade

BTC = quote(trade("61837.63"))


def test_tells_everybody_who_asked() -> None:
    """Each listener gets each quote, in the order they asked."""
    hub, received = Hub(), []
    hub.subscribe(lambda quote: received.append(("first", quote)))
    hub.subscribe(lambda quote: received.append(("second", quote)))
    hub.publish(BTC)

    assert [("first", BTC), ("second", BTC)] == received


def test_asking_twice_is_asking_once() -> None:
    """Nobody is told the same thing twice."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    hub.subscribe(received.append)
    hub.publish(BTC)

    assert [BTC] == received


def test_who_leaves_is_told_nothing_more() -> None:
    """After leaving it is quiet, and leaving again is harmless."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    hub.unsubscribe(received.append)
    hub.unsubscribe(received.append)
    hub.publish(BTC)

    assert [] == received


def test_a_failing_listener_does_not_hurt_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback, and everybody else is told."""
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


def test_a_listener_may_leave_and_ask_while_it_is_told() -> None:
    """The listeners of a quote are those of the moment it was published."""
    hub, received = Hub(), []

    def once(quote: Quote) -> None:
        hub.unsubscribe(once)
        hub.subscribe(received.append)

    hub.subscribe(once)
    hub.publish(BTC)
    hub.publish(BTC)

    assert [BTC] == received


def test_listens_in_the_thread_that_publishes() -> None:
    """A listener is called by whoever has the news, not by a thread of its own."""
    hub, threads = Hub(), []
    hub.subscribe(lambda quote: threads.append(threading.current_thread()))
    publisher = threading.Thread(target=hub.publish, args=(BTC,))
    publisher.start()
    publisher.join()

    assert [publisher] == threads


def test_listeners_come_and_go_while_others_publish(restless: None) -> None:
    """Nobody is skipped or told twice because somebody else came or left."""
    hub, received = Hub(), []
    hub.subscribe(received.append)
    visitors = [lambda quote: None for _ in range(200)]

    def come_and_go() -> None:
        for visitor in visitors:
            hub.subscribe(visitor)
            hub.unsubscribe(visitor)

    guests = threading.Thread(target=come_and_go)
    guests.start()
    for _ in range(500):
        hub.publish(BTC)
    guests.join()

    assert [BTC] * 500 == received
