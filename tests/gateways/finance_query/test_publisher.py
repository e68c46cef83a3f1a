import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.finance_query.publisher import (
    ChannelPublisher,
    EncodedMessage,
    IntervalSnapshot,
)
from omcrm.wire.finance_query import FinanceQueryMetadata
from tests.gateways.clients import EchoDialect, Market, channel, services
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads, is_running
from tests.values import START

EVERY = 0.05


class CountingChannel:
    """A channel whose messages contain how often it was computed."""

    def __init__(self, name: str = "counter") -> None:
        self.channel = channel(name, "/counter")
        self.written_for: list[Hashable] = []

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        if about == "broken":
            raise RuntimeError("broken")
        return snapshot.computed(self.channel.name, about, lambda: self._write(about))

    def _write(self, about: Hashable) -> str:
        self.written_for.append(about)
        return f'{{"about":"{about}","number":{len(self.written_for)}}}'


class Reader(ClientConnection):
    """A client that records messages, and may be slow."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.got: list[str] = []
        self.is_slow = False

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        self.got.append(payload.decode())

    def try_send(self, state: Any, *, asked: bool = False) -> bool:
        if not self.is_slow:
            self.got.append(state.text)
        return not self.is_slow


@pytest.fixture
def counted() -> Counter[tuple[str, str]]:
    return Counter()


@pytest.fixture
def publisher(counted: Counter[tuple[str, str]]) -> Iterator[ChannelPublisher]:
    """A publisher of an empty market with a short interval; its thread ends with the test."""
    market: Any = Market()
    market.news = None

    def count(channel: str, what: str, number: int) -> None:
        counted[channel, what] += number

    made = ChannelPublisher(market, EVERY, nullcontext, count, lambda: START)
    yield made
    remove(made, *list(made._topics))


def readers(count: int) -> list[Reader]:
    of, dialect = services(), EchoDialect(Market())
    return [Reader(of, dialect, None, "127.0.0.1", {}) for _ in range(count)]


def remove(publisher: ChannelPublisher, *clients: ClientConnection) -> None:
    for client in clients:
        publisher.remove(client)
    wait_for(lambda: not is_running("finance-query"), what="the end of the thread")


def test_messages_are_sent_at_once_and_at_each_interval(
    publisher: ChannelPublisher, threads: Threads
) -> None:
    """Whether anything changed or not; the thread runs while there are clients."""
    [one], channel = readers(1), CountingChannel()
    publisher.subscribe(one, channel, "a")
    first = list(one.got)
    wait_for(lambda: len(one.got) >= 4, 2, "three intervals")
    assert ["finance-query"] == threads.new()
    remove(publisher, one)
    threads.wait()
    received = len(one.got)
    time.sleep(2 * EVERY)

    assert ['{"about":"a","number":1}'] == first
    assert '{"about":"a","number":4}' == one.got[3]
    assert received == len(one.got)


def test_five_hundred_share_one_computation(
    publisher: ChannelPublisher, counted: Counter[tuple[str, str]]
) -> None:
    """Each topic is computed once per interval, and all its clients get the same message."""
    all_of_them, channel = readers(500), CountingChannel()
    for number, reader in enumerate(all_of_them):
        publisher.subscribe(reader, channel, "a" if number % 2 else "b")
    wait_for(lambda: all(len(reader.got) >= 4 for reader in all_of_them), 5, "three intervals")
    remove(publisher, *all_of_them)

    most = max(len(reader.got) for reader in all_of_them)
    assert most - 1 <= channel.written_for.count("a") <= most + 1
    assert counted["counter", "computed"] == len(channel.written_for)
    sent = sum(len(reader.got) for reader in all_of_them) - 500
    assert counted["counter", "messages_out"] == sent
    texts = {text for reader in all_of_them for text in reader.got}
    assert len(texts) <= len(channel.written_for)


def test_a_client_within_an_interval_causes_no_computation(publisher: ChannelPublisher) -> None:
    """Also where no other client is connected."""
    publisher.interval = 3600
    channel = CountingChannel()
    for reader in readers(20):
        publisher.subscribe(reader, channel, "a")
        remove(publisher, reader)

    assert ["a"] == channel.written_for


def test_an_expired_interval_is_computed_again(publisher: ChannelPublisher) -> None:
    """The message of the last client before is not reused."""
    channel, [one, other] = CountingChannel(), readers(2)
    publisher.subscribe(one, channel, "a")
    remove(publisher, one)
    before = len(channel.written_for)
    time.sleep(1.5 * EVERY)
    publisher.subscribe(other, channel, "a")
    remove(publisher, other)

    assert f'{{"about":"a","number":{before + 1}}}' == other.got[0]


def test_a_slow_client_is_left_out_and_then_gets_the_newest(publisher: ChannelPublisher) -> None:
    """Others get every message."""
    slow, fast = readers(2)
    channel = CountingChannel()
    slow.is_slow = True
    for reader in (slow, fast):
        publisher.subscribe(reader, channel, "a")
    wait_for(lambda: len(fast.got) >= 4, 2, "three intervals")
    assert 1 == len(slow.got)
    slow.is_slow = False
    wait_for(lambda: len(slow.got) >= 2, 2, "the newest")
    wait_for(lambda: slow.got[1] in fast.got[3:], what="the same for the other")
    remove(publisher, slow, fast)


def test_a_new_topic_replaces_the_old_one(publisher: ChannelPublisher) -> None:
    """After its first message none of the old topic is sent."""
    [one], channel = readers(1), CountingChannel()
    publisher.subscribe(one, channel, "a")
    before = len(one.got)
    publisher.subscribe(one, channel, "b")
    wait_for(lambda: len(one.got) >= before + 4, 2, "some intervals")
    remove(publisher, one)
    names = [message[9:12] for message in one.got]

    assert '"a"' == names[0]
    assert {'"b"'} == set(names[names.index('"b"') :])


def test_metadata_are_sent_once(publisher: ChannelPublisher) -> None:
    """With the first message."""
    [one], channel = readers(1), CountingChannel()
    publisher.subscribe(
        one, channel, "a", FinanceQueryMetadata(rate_limit=1, remaining_requests=0, reset=9)
    )
    wait_for(lambda: len(one.got) >= 3, 2, "two intervals")
    remove(publisher, one)

    assert (
        '{"metadata":{"rate_limit":1,"remaining_requests":0,"reset":9},"about":"a","number":1}'
        == one.got[0]
    )
    assert not any("metadata" in message for message in one.got[1:])


def test_a_topic_that_fails_stops_no_other(
    publisher: ChannelPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the thread goes on."""
    one, other = readers(2)
    channel = CountingChannel()
    publisher.subscribe(other, channel, "a")
    publisher._topics[one] = (channel, "broken")
    wait_for(lambda: len(other.got) >= 4, 2, "three intervals")
    remove(publisher, one, other)

    assert "publishing counter failed" in caplog.text


def test_clients_that_come_and_go_do_not_delay_messages(
    publisher: ChannelPublisher, counted: Counter[tuple[str, str]]
) -> None:
    """The interval goes on, however often the last client goes while the next one comes."""
    publisher.interval = 0.1
    one, other = readers(2)
    channel = CountingChannel()

    def is_sent_while_they_change() -> bool:
        publisher.subscribe(other, channel, "a")
        publisher.remove(one)
        publisher.subscribe(one, channel, "a")
        publisher.remove(other)
        publisher.remove(one)
        publisher.subscribe(one, channel, "a")
        return counted["counter", "messages_out"] > 2

    wait_for(is_sent_while_they_change, what="messages of later intervals")
    remove(publisher, one)


@pytest.mark.usefixtures("restless")
def test_concurrent_clients_have_one_thread(publisher: ChannelPublisher, threads: Threads) -> None:
    """A client that comes as the last one goes is served, and no thread is left at the end."""
    publisher.interval = 0.005
    channel = CountingChannel()

    def come_and_go(number: int) -> None:
        [one] = readers(1)
        for _ in range(30):
            publisher.subscribe(one, channel, number)
            publisher.remove(one)

    _together(come_and_go)
    [last] = readers(1)
    publisher.subscribe(last, channel, "last")
    wait_for(lambda: len(last.got) >= 3, 2, "two intervals")
    assert 1 == threads.count("finance-query")
    remove(publisher, last)
    threads.wait()


def _together(job: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=job, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


# Messages


METADATA = {"rate_limit": 2000, "remaining_requests": 1999, "reset": 3600}
TOLD = '"metadata":{"rate_limit":2000,"remaining_requests":1999,"reset":3600}'


def test_a_message_is_framed_once() -> None:
    """The plain and the compressed frame contain the whole message."""
    page = EncodedMessage('{"a":"ä"}' * 40)
    body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(page.deflated[2:] + b"\x00\x00\xff\xff")

    assert page.text.encode() == page.payload
    assert page.framed.endswith(page.payload)
    assert page.payload == body
    assert page.deflated is page.deflated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"symbol":"A"}]', f'[{{{TOLD}}},{{"symbol":"A"}}]'),
        ("[]", f"[{{{TOLD}}}]"),
        ('{"status":"Open"}', f'{{{TOLD},"status":"Open"}}'),
        ("{}", f"{{{TOLD}}}"),
    ],
)
def test_metadata_come_first(text: str, expected: str) -> None:
    """They are the first element of a list, or the first key of an object."""
    assert expected == EncodedMessage(text).with_metadata(METADATA)
