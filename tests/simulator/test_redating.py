"""Recordings that happen now: the times in their frames, and nothing else, are shifted."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Call, FrameContext, Reply
from omcrm.feeds.registry import POLLS, STREAMS, polls, streams
from omcrm.market.tick import Tick
from simulator.byte_replay import ENDPOINTS
from simulator.redating import Redating, times_of
from simulator.replay import TIMES
from tests.feeds.samples import poll_samples, stream_samples

SECOND = 1_000_000_000
FIRST = 1_723_161_254 * SECOND
NOW = FIRST + 10_000_000 * SECOND
KEYS = times_of(("t", "time", 'k":{"t'))
SETTINGS = FeedSettings(
    urls=dict.fromkeys([*STREAMS, *POLLS], "ws://127.0.0.1:9"), keys=Keys(lambda name: "a-key")
)
# The samples of several sources are of different years; all times are within this of the first.
SHIFT = timedelta(days=365 * 4 + 1)


def redating(speed: float = 1, line: int = FIRST) -> Redating:
    """A recording whose line of this time is sent at NOW."""
    playing = Redating(FIRST, speed)
    playing.follow(line, NOW)
    return playing


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (b'{"t":1723161254}', b'{"t":1733161254}'),
        (b'{"t": 1723161255500}', b'{"t": 1733161255500}'),
        (b'{"t":"1723161255500"}', b'{"t":"1733161255500"}'),
        (b'{"t":1723161255500123}', b'{"t":1733161255500123}'),
        (b'{"t":1723161255500123456}', b'{"t":1733161255500123456}'),
        (b'{"time":"2024-08-08T23:54:14Z"}', b'{"time":"2024-12-02T17:40:54Z"}'),
        (
            b'{"time":"2024-08-08T23:54:14.123456789Z"}',
            b'{"time":"2024-12-02T17:40:54.123456789Z"}',
        ),
        (b'{"time":"2024-08-09T01:54:14.5+02:00"}', b'{"time":"2024-12-02T19:40:54.5+02:00"}'),
        (b'{"time":"2024-08-07"}', b'{"time":"2024-12-01"}'),
        (
            b'{"time":"Thu, 08 Aug 2024 00:00:01 +0000"}',
            b'{"time":"Sun, 01 Dec 2024 17:46:41 +0000"}',
        ),
    ],
)
def test_every_way_to_write_a_time_is_shifted(recorded: bytes, expected: bytes) -> None:
    """Each keeps its unit, its digits and its zone."""
    assert expected == redating().redated(recorded, KEYS)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"pong",
        b'{"t":1540000000,"id":1723161254}',
        b'{"t":3700000000}',
        b'{"t":0,"time":""}',
        b'{"t":"t","time":null}',
        b'{"time":"0001-01-01T00:00:00Z"}',
        b'{"T":1723161254,"x":"2024-08-08T23:54:14Z"}',
        b'\xff\xfe{"t":',
    ],
)
def test_everything_else_stays(frame: bytes) -> None:
    """Ids, numbers that are no times of the recording, other keys and broken frames are sent as
    they were recorded."""
    assert frame == redating().redated(frame, KEYS)


def test_a_key_may_belong_to_one_object() -> None:
    """Binance's `t` is a time at the beginning of a bar, and an id elsewhere."""
    bar = b'{"E":1723161254000,"k":{"t":1723161240000,"T":1723161299999,"L":1723161254}}'
    trade = b'{"E":1723161254000,"t":1723161254,"T":1723161253999}'

    assert bar.replace(b"172316", b"173316").replace(b'"L":173', b'"L":172') == (
        redating().redated(bar, TIMES)
    )
    assert trade.replace(b'"E":172', b'"E":173').replace(b'"T":172', b'"T":173') == (
        redating().redated(trade, TIMES)
    )


@pytest.mark.parametrize(("speed", "later"), [(1, 20), (10, 2), (0.5, 40)])
def test_times_are_as_fast_as_the_recording(speed: float, later: float) -> None:
    """What was 20 seconds later in the recording is so much later now."""
    frame = b'{"t":%d}' % (FIRST + 20 * SECOND)

    assert b'{"t":%d}' % (NOW + later * SECOND) == redating(speed).redated(frame, KEYS)


def test_at_full_speed_every_time_is_that_of_the_sending() -> None:
    """However old the times of a line are."""
    playing = redating(math.inf)
    playing.follow(FIRST + 500 * SECOND, NOW + SECOND)

    assert b'{"t":%d}' % (NOW + SECOND) == playing.redated(b'{"t":%d}' % FIRST, KEYS)


def test_a_short_delay_shows_and_a_long_one_does_not() -> None:
    """A frame sent half a second late is late; after a pause of the exchange no frame is."""
    playing = redating()
    playing.follow(FIRST + SECOND, NOW + SECOND + SECOND // 2)
    late = playing.redated(b'{"t":%d}' % (FIRST + SECOND), KEYS)
    playing.follow(FIRST + 2 * SECOND, NOW + 9 * SECOND)
    resumed = playing.redated(b'{"t":%d}' % (FIRST + 2 * SECOND), KEYS)

    assert (b'{"t":%d}' % (NOW + SECOND), b'{"t":%d}' % (NOW + 9 * SECOND)) == (late, resumed)


# All dialects


def times(tick: Tick) -> list[datetime | None]:
    """The times of the parts that a tick has."""
    return [part.time for part in (tick.trade, tick.book, tick.day) if part is not None]


def without_times(tick: Tick) -> Tick:
    """The tick without the times of its parts."""
    parts = {
        name: structs.replace(part, time=None)
        for name in ("trade", "book", "day")
        if (part := getattr(tick, name)) is not None
    }
    return structs.replace(tick, **parts)


def ticks(events: Iterable[object]) -> list[Tick]:
    return [event for event in events if isinstance(event, Tick)]


def shifted(frame: bytes, source: str, moment: datetime) -> bytes:
    """The frame, played so that `moment` happens four years later."""
    endpoint = ENDPOINTS.get(source)
    pattern = TIMES if endpoint is None else times_of(endpoint.time_keys)
    first = round(moment.timestamp()) * SECOND
    playing = Redating(first, 1)
    playing.follow(first, first + round(SHIFT.total_seconds()) * SECOND)
    return playing.redated(frame, pattern)


def assert_shifted(recorded: list[Tick], redated: list[Tick], within: timedelta) -> None:
    assert list(map(without_times, recorded)) == list(map(without_times, redated))
    for old, new in zip(recorded, redated, strict=True):
        for before, after in zip(times(old), times(new), strict=True):
            assert (before is None) is (after is None)
            assert before is None or abs(after - before - SHIFT) <= within


@pytest.mark.parametrize("source", [name for name in STREAMS if name != "simulated"])
def test_every_time_of_a_stream_is_shifted_and_nothing_else(source: str) -> None:
    """Whoever reads the frames of any provider reads the same prices and ids at another time."""
    samples, provider = stream_samples(source), streams(SETTINGS)[source]
    arrival = FrameContext(datetime.now(UTC), 1, {samples.name: "BTC"})
    count = 0
    for text in samples.frames:
        recorded = ticks(provider.parse(text, arrival))
        for moment in {time for tick in recorded for time in times(tick) if time is not None}:
            count += 1
            redated = ticks(provider.parse(shifted(text.encode(), source, moment), arrival))
            assert_shifted(recorded, redated, timedelta())

    assert count > 0


@pytest.mark.parametrize("source", POLLS)
def test_every_time_of_an_answer_is_shifted_and_nothing_else(source: str) -> None:
    """So it is for those that are asked; where only a day is sent, the hour may change with its
    clocks."""
    samples, provider = poll_samples(POLLS[source].name), polls(SETTINGS)[source]
    arrival = FrameContext(datetime.now(UTC) + timedelta(days=9999), 1, {samples.name: "BTC"})
    call, count = Call("", (samples.name,)), 0
    for answer in samples.prices:
        recorded = ticks(provider.parse(call, answer, arrival))
        for moment in {time for tick in recorded for time in times(tick) if time is not None}:
            count += 1
            body = shifted(answer.body, source, moment)
            redated = ticks(
                provider.parse(call, Reply(answer.status, answer.headers, body), arrival)
            )
            assert_shifted(recorded, redated, timedelta(hours=1))

    assert count > 0
