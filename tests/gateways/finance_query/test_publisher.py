import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.finance_query.interval import IntervalSnapshot
from omcrm.gateways.finance_query.publisher import ChannelPublisher
from tests.gateways.clients import Market, Parrot, services
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads
from tests.values import START

EVERY = 0.05


class Slate:
    """A channel that tells how often it was asked."""

    def __init__(self, name: str = "slate") -> None:
        self.name = name
        self.written_for: list[Hashable] = []

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        if about == "broken":
            raise RuntimeError("broken")
        return turn.computed(self.name, about, lambda: self._write(about))

    def _write(self, about: Hashable) -> str:
        self.written_for.append(about)
        return f'{{"about":"{about}","number":{len(self.written_for)}}}'


class Reader(ClientConnection):
    """A client that takes what it is sent, or not."""

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
def board(counted: Counter[tuple[str, str]]) -> Iterator[ChannelPublisher]:
    """A board of an empty market, whose turns are short; its thread ends with the test."""
    market: Any = Market()
    market.news = None

    def count(channel: str, what: str, number: int) -> None:
        counted[channel, what] += number

    made = ChannelPublisher(market, EVERY, nullcontext, count, lambda: START)
    yield made
    leave(made, *list(made._views))


def readers(count: int) -> list[Reader]:
    of, dialect = services(), Parrot(Market())
    return [Reader(of, dialect, None, "127.0.0.1", {}) for _ in range(count)]


def leave(board: ChannelPublisher, *clients: ClientConnection) -> None:
    for client in clients:
        board.leave(client)
    wait_for(lambda: not board._running, what="the end of the thread")


def test_it_is_told_at_once_and_then_at_each_interval(
    board: ChannelPublisher, threads: Threads
) -> None:
    """Whether anything changed or not; the thread lives as long as somebody looks."""
    [one], slate = readers(1), Slate()
    board.show(one, slate, "a")
    at_once = list(one.got)
    wait_for(lambda: len(one.got) >= 4, 2, "three intervals")
    assert ["finance-query"] == threads.new()
    leave(board, one)
    threads.wait()
    told = len(one.got)
    time.sleep(2 * EVERY)

    assert ['{"about":"a","number":1}'] == at_once
    assert '{"about":"a","number":4}' == one.got[3]
    assert told == len(one.got)


def test_five_hundred_share_one_computation(
    board: ChannelPublisher, counted: Counter[tuple[str, str]]
) -> None:
    """Each interval everything is computed once, and all are sent the same."""
    all_of_them, slate = readers(500), Slate()
    for number, reader in enumerate(all_of_them):
        board.show(reader, slate, "a" if number % 2 else "b")
    wait_for(lambda: all(len(reader.got) >= 4 for reader in all_of_them), 5, "three intervals")
    leave(board, *all_of_them)

    most = max(len(reader.got) for reader in all_of_them)
    assert most - 1 <= slate.written_for.count("a") <= most + 1
    assert counted["slate", "computed"] == len(slate.written_for)
    offered = sum(len(reader.got) for reader in all_of_them) - 500
    assert counted["slate", "messages_out"] == offered
    texts = {text for reader in all_of_them for text in reader.got}
    assert len(texts) <= len(slate.written_for)


def test_who_comes_back_soon_causes_no_computation(board: ChannelPublisher) -> None:
    """Within an interval there is nothing new, also while nobody else looks."""
    board.interval = 3600
    slate = Slate()
    for reader in readers(20):
        board.show(reader, slate, "a")
        leave(board, reader)

    assert ["a"] == slate.written_for


def test_after_a_while_it_is_computed_anew(board: ChannelPublisher) -> None:
    """What was told before the last one left is of another time."""
    slate, [one, other] = Slate(), readers(2)
    board.show(one, slate, "a")
    leave(board, one)
    before = len(slate.written_for)
    time.sleep(1.5 * EVERY)
    board.show(other, slate, "a")
    leave(board, other)

    assert f'{{"about":"a","number":{before + 1}}}' == other.got[0]


def test_a_slow_reader_is_left_out_and_then_told_the_newest(board: ChannelPublisher) -> None:
    """Others are told as before."""
    slow, fast = readers(2)
    slate = Slate()
    slow.is_slow = True
    for reader in (slow, fast):
        board.show(reader, slate, "a")
    wait_for(lambda: len(fast.got) >= 4, 2, "three intervals")
    assert 1 == len(slow.got)
    slow.is_slow = False
    wait_for(lambda: len(slow.got) >= 2, 2, "the newest")
    wait_for(lambda: slow.got[1] in fast.got[3:], what="the same for the other")
    leave(board, slow, fast)


def test_what_is_shown_instead_replaces_it(board: ChannelPublisher) -> None:
    """After the answer nothing of before is told any more."""
    [one], slate = readers(1), Slate()
    board.show(one, slate, "a")
    before = len(one.got)
    board.show(one, slate, "b")
    wait_for(lambda: len(one.got) >= before + 4, 2, "some intervals")
    leave(board, one)
    names = [message[9:12] for message in one.got]

    assert '"a"' == names[0]
    assert {'"b"'} == set(names[names.index('"b"') :])


def test_metadata_are_told_once(board: ChannelPublisher) -> None:
    """With the first message."""
    [one], slate = readers(1), Slate()
    board.show(one, slate, "a", {"rate_limit": 1})
    wait_for(lambda: len(one.got) >= 3, 2, "two intervals")
    leave(board, one)

    assert '{"metadata":{"rate_limit":1},"about":"a","number":1}' == one.got[0]
    assert not any("metadata" in message for message in one.got[1:])


def test_one_view_that_fails_stops_no_other(
    board: ChannelPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the thread goes on."""
    one, other = readers(2)
    slate = Slate()
    board.show(other, slate, "a")
    board._views[one] = (slate, "broken")
    wait_for(lambda: len(other.got) >= 4, 2, "three intervals")
    leave(board, one, other)

    assert "telling slate failed" in caplog.text


def test_coming_and_going_puts_nothing_off(board: ChannelPublisher) -> None:
    """However often the last one goes while the next one comes, the clock goes on."""
    board.interval = 0.1
    [one], slate = readers(1), Slate()
    board.show(one, slate, "a")
    for _ in range(40):
        # What the thread sees of that: it is woken, and somebody is there.
        board._nobody.set()
        time.sleep(0.002)
    wait_for(lambda: len(one.got) >= 2, 1, "the next interval")
    leave(board, one)


@pytest.mark.usefixtures("restless")
def test_coming_and_going_leaves_no_thread_and_no_second_one(
    board: ChannelPublisher, threads: Threads
) -> None:
    """Whoever is shown something is told it, however the last one's end and it meet."""
    board.interval = 0.005
    slate = Slate()

    def come_and_go(number: int) -> None:
        [one] = readers(1)
        for _ in range(30):
            board.show(one, slate, number)
            board.leave(one)

    _together(come_and_go)
    [last] = readers(1)
    board.show(last, slate, "last")
    wait_for(lambda: len(last.got) >= 3, 2, "two intervals")
    assert 1 == threads.count("finance-query")
    leave(board, last)
    threads.wait()


def _together(job: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=job, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
