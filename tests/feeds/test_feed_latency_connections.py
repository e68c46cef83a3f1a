"""Late connections are told from late ticks, snapshots from a stream, clocks by several sources."""

import pytest

from omcrm.market.tick import DayFigures
from tests.feeds.virtual_feed import Connection, VirtualClock, VirtualFeed, play
from tests.values import KRAKEN, book


@pytest.fixture
def new() -> Connection:
    """No tick was measured yet."""
    return Connection()


@pytest.fixture
def usual() -> Connection:
    """Ticks took 0.1 s so far, until second 10."""
    return Connection().warm_up()


# Several sources


def two_sources(
    ahead: float, delay: float = 0.0, at: float = 0.0, seconds: float = 40.0
) -> list[VirtualFeed]:
    """Two sources on a machine whose clock is ahead; frames of the second are held from `at` on."""
    clock = VirtualClock(ahead=ahead)
    own = clock.own()
    held = VirtualFeed(clock, own, 2, KRAKEN, delay=lambda now, _: delay if now >= at else 0.0)
    feeds = [VirtualFeed(clock, own, 1), held]
    play(feeds, seconds, lambda now: ahead)
    return feeds


@pytest.mark.parametrize("ahead", [-30, -4, 4, 30])
def test_what_two_sources_share_is_an_offset_of_this_machines_clock(ahead: float) -> None:
    """Neither is late then."""
    for feed in two_sources(ahead):
        late = {received.late for received in feed.received if received.at > 5}

        assert {0} == late
        assert [] == feed.reconnected_at


def test_a_source_that_is_later_than_that_is_late() -> None:
    """Only what is shared is credited."""
    on_time, held = two_sources(4, delay=8, at=15)

    assert 0 == on_time.received[-1].late
    assert 8 == pytest.approx(held.received[-1].late, abs=0.6)
    assert 1 == len(held.reconnected_at)


# Lasting latency


def late_for(connection: Connection, times: int, lasting: float, transit: float = 60) -> float:
    """So many late ticks spread over `lasting` seconds, after a gap; when the last one came."""
    for number in range(times):
        at = 10 + transit + number * lasting / (times - 1)
        connection.receive(at, transit)
    return 10 + transit + lasting


@pytest.mark.parametrize(
    ("times", "lasting", "expected"),
    [(20, 5, True), (19, 60, False), (20, 4.9, False), (200, 4.9, False), (200, 60, True)],
)
def test_only_many_over_long_are_lasting(
    usual: Connection, times: int, lasting: float, expected: bool
) -> None:
    """Neither a few late ticks nor a short burst mean that the connection is behind."""
    assert expected is usual.feed_latency.is_lasting(late_for(usual, times, lasting))


def test_nothing_lasts_at_first(new: Connection) -> None:
    """Without ticks there is no lasting latency."""
    assert not new.feed_latency.is_lasting(100)


def test_two_ticks_on_time_end_it(usual: Connection) -> None:
    """Then the count starts anew; one may be a late tick with a wrong time."""
    now = late_for(usual, 30, 10)
    lasting = [usual.feed_latency.is_lasting(now)]
    for _ in range(2):
        usual.receive(now, 0)
        lasting.append(usual.feed_latency.is_lasting(now))
    usual.receive(now + 1, 60)

    assert [True, True, False] == lasting
    assert not usual.feed_latency.is_lasting(now + 60)


def test_a_connection_that_begins_late_has_not_fallen_behind(usual: Connection) -> None:
    """Its ticks are late, but another connection would not help."""
    replacement = Connection(usual.source_clock, usual.clock)
    late = [replacement.latency(30 + number / 10, 20.1) for number in range(300)]

    assert {20} == {round(latency) for latency in late}
    assert not replacement.feed_latency.is_lasting(60)


def test_latency_that_grows_again_is_lasting(usual: Connection) -> None:
    """A connection that began late may fall behind further."""
    replacement = Connection(usual.source_clock, usual.clock)
    for number in range(100):
        replacement.receive(30 + number / 10, 5.1)
    for number in range(100):
        replacement.receive(50 + number / 10, 15.1)

    assert replacement.feed_latency.is_lasting(60)


def test_a_connection_of_which_a_part_is_on_time_is_not_behind(usual: Connection) -> None:
    """Another connection would not help one symbol that its upstream sends late."""
    lasting = False
    for number in range(600):
        at = 10 + number / 10
        usual.receive(at, 40.1, "ETH")
        lasting = lasting or usual.feed_latency.is_lasting(at)
        usual.receive(at, 0.1)

    assert not lasting


def growing(rate: float, seconds: float) -> list[float]:
    """When connections are replaced whose ticks take longer by so much a second."""
    clock = VirtualClock()
    feed = VirtualFeed(clock, clock.own(), ahead=lambda now: -rate * now)
    play([feed], seconds)
    return feed.reconnected_at


def test_a_clock_that_drifts_ends_one_connection_in_ten_minutes() -> None:
    """The next one is as late, and the one after it has to wait twice as long."""
    assert [127, 727, 1927] == pytest.approx(growing(1 / 60, 2400), abs=15)


def test_latency_that_grows_ends_one_connection() -> None:
    """However fast, as the replacement is as late."""
    assert 1 == len(growing(0.15, 100))


# The answer to a subscription


def test_a_snapshot_is_no_newer_than_what_was_streamed_last(usual: Connection) -> None:
    """The first tick of a kind does not show that a connection streams; the second one does."""
    replacement = Connection(usual.source_clock, usual.clock)
    snapshot, its_book = replacement.latency(19.9, 0.1), replacement.latency(19.95, None)
    streamed = replacement.latency(20, 0.1)

    assert (10, 10.05, 0) == (snapshot, its_book, streamed)
    assert 0 == replacement.latency(20.1, 0.1, "ETH")


def test_a_first_connection_has_nothing_to_be_compared_with(new: Connection) -> None:
    """Its snapshots have the age that their times say."""
    assert (0, 0, 8.5) == tuple(new.latency(0, *item) for item in ((0.1,), (None,), (9, "ETH")))


def test_a_snapshot_during_a_planned_replacement_is_on_time(usual: Connection) -> None:
    """The connection before it streams until then."""
    assert 0 == Connection(usual.source_clock, usual.clock).latency(10, 0.1)


def test_each_symbol_has_to_stream(usual: Connection) -> None:
    """Ticks of others show nothing of one whose snapshot brings an old price again."""
    for number in range(20):
        usual.receive(10 + number / 10, 0.1)
        usual.receive(10 + number / 10, 0.1, "ETH")
    replacement, snapshots = Connection(usual.source_clock, usual.clock), []
    for number in range(100):
        at = 20 + number / 10
        replacement.receive(at, 0.1)
        if number in (3, 7):
            day = DayFigures() if number == 7 else None
            tick = replacement.receive(at, None, "ETH", book=book("1", "2"), day=day)
            snapshots.append(round(tick.late.total_seconds(), 1))

    assert [8.4, 8.8] == snapshots
    assert 0 == replacement.latency(30, 0.1)


def test_a_snapshot_of_several_ticks_shows_no_stream(usual: Connection) -> None:
    """The last trades of a symbol come in one frame."""
    replacement = Connection(usual.source_clock, usual.clock)

    assert [10, 10, 10] == [round(replacement.latency(20, 0.1)) for _ in range(3)]


def test_a_trade_of_now_later_on_is_no_snapshot(usual: Connection) -> None:
    """A symbol that trades rarely streams with its first trade."""
    usual.receive(10, 0.1, "ETH")
    usual.receive(11, 0.1, "ETH")
    replacement = Connection(usual.source_clock, usual.clock)
    replacement.receive(20, 0.1)
    late = [replacement.latency(at, 0.1, symbol) for at, symbol in ((24, "ETH"), (26, "SOL"))]
    usual.source_clock.streamed_at["XRP"] = 10

    assert [13, 0, 0] == [*late, replacement.latency(26, 0.1, "XRP")]
