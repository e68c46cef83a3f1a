"""Whatever the clocks and the ways do: old ticks are late, others are not, connections hold."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.feeds.virtual_feed import Received, VirtualClock, VirtualFeed, play

# One thing happens in a slot, at its beginning.
SLOT = 60.0
# What jitter and the longest transit of a network can hide, and how finely time passes.
MOST_HIDDEN = 1.5 + 0.1
# An upstream's clock that was set is known after so long.
KNOWN_WITHIN = 4.0


class Event(Struct, frozen=True):
    """A clock is set by so many seconds, or frames are held for so long, for a part of the slot.

    `hold one` holds the frames of the connection at that time only."""

    kind: str
    seconds: float
    lasts: float


class World(Struct, frozen=True):
    """A source; `own_ahead` and `ahead` are the clocks at the start, `drift` is the source's."""

    seed: int
    events: tuple[Event, ...]
    own_ahead: float
    ahead: float
    drift: float
    outliers: float
    rate: float

    def set_by(self, kind: str, now: float) -> float:
        """By how many seconds a clock has been set until now."""
        return sum(
            event.seconds
            for number, event in enumerate(self.events, 1)
            if event.kind == kind and now >= number * SLOT
        )

    def present(self, now: float) -> Event | None:
        """What holds frames now."""
        number, passed = divmod(now, SLOT)
        if not 1 <= number <= len(self.events):
            return None
        event = self.events[int(number) - 1]
        return event if event.kind.startswith("hold") and passed < event.lasts * SLOT else None

    def run(self) -> VirtualFeed:
        """Play the world to its end."""
        clock = VirtualClock(ahead=self.own_ahead)
        feed = VirtualFeed(
            clock,
            clock.own(),
            self.seed,
            ahead=lambda now: self.ahead + self.drift * now + self.set_by("set", now),
            delay=lambda now, connection: self._delay(feed, now),
            rate=self.rate,
            outliers=self.outliers,
        )
        length = (len(self.events) + 1) * SLOT
        play([feed], length, lambda now: self.own_ahead + self.set_by("set own", now))
        return feed

    def _delay(self, feed: VirtualFeed, now: float) -> float:
        event = self.present(now)
        if event is None:
            return 0.0
        is_replaced = any(at // SLOT == now // SLOT for at in feed.reconnected_at)
        return 0.0 if event.kind == "hold one" and is_replaced else event.seconds


LENGTHS = st.floats(3.5, 40)
SIGNED = st.builds(lambda length, sign: length * sign, LENGTHS, st.sampled_from([1, -1]))
STEPS = st.builds(Event, st.sampled_from(["set", "set own"]), SIGNED, st.just(0.0))
HOLDS = st.builds(Event, st.sampled_from(["hold", "hold one"]), LENGTHS, st.floats(0.1, 0.9))


def worlds(events: st.SearchStrategy[Event], outliers: float = 0.1) -> st.SearchStrategy[World]:
    """Worlds in which such events happen."""
    return st.builds(
        World,
        seed=st.integers(0, 2**32),
        events=st.lists(events, max_size=4).map(tuple),
        own_ahead=st.floats(-10, 10),
        ahead=st.floats(-10, 10),
        drift=st.floats(-0.0003, 0.0003),
        outliers=st.floats(0, outliers),
        rate=st.floats(8, 30),
    )


def right(feed: VirtualFeed) -> list[Received]:
    """The ticks with the time of their source's clock, once its usual transit is known."""
    return [item for item in feed.received if not item.is_wrong and item.at > KNOWN_WITHIN]


@settings(max_examples=60, deadline=None)
@given(worlds(STEPS | HOLDS))
def test_no_latency_is_hidden(world: World) -> None:
    """A tick is at most as much older than it seems as jitter and a network's transit can hide."""
    too_old = [item for item in right(world.run()) if item.hidden > MOST_HIDDEN]

    assert [] == too_old[:3]


@settings(max_examples=60, deadline=None)
@given(worlds(STEPS))
def test_a_clock_that_is_off_or_set_ends_no_connection(world: World) -> None:
    """Whichever clock it is, however far it is off and however often it is set."""
    assert [] == world.run().reconnected_at


@settings(max_examples=60, deadline=None)
@given(worlds(STEPS | HOLDS))
def test_a_delay_ends_one_connection(world: World) -> None:
    """A connection that has fallen behind for long is replaced once, whether that helps or not.

    Where it does not help, the next one is not replaced for ten minutes."""
    replaced_at = world.run().reconnected_at
    slots = [int(at // SLOT) for at in replaced_at]
    held = {
        number: event
        for number, event in enumerate(world.events, 1)
        if event.kind.startswith("hold")
    }
    long = {n for n, event in held.items() if event.lasts * SLOT > event.seconds + 10}
    in_vain = min(
        (n for n in slots if n in held and held[n].kind == "hold"), default=len(world.events)
    )

    assert sorted(set(slots)) == slots
    assert set(slots) <= held.keys()
    assert {n for n in long if n <= in_vain} <= set(slots)


@settings(max_examples=60, deadline=None)
@given(worlds(STEPS))
def test_a_tick_on_time_is_not_late(world: World) -> None:
    """Clocks that are off at first count as latency; what they are set by later does not."""
    hidden_offset = max(0.0, world.own_ahead - world.ahead)
    late = [
        item
        for item in right(world.run())
        if item.at % SLOT > KNOWN_WITHIN and item.late > hidden_offset + item.age + 0.2
    ]

    assert [] == late[:3]


@settings(max_examples=40, deadline=None)
@given(worlds(STEPS, outliers=0.0))
def test_a_tick_is_not_from_the_future(world: World) -> None:
    """Once its usual transit is known, no tick of a clock that is ahead is flagged."""
    flagged = [
        item for item in right(world.run()) if item.tick.ahead and item.at % SLOT > KNOWN_WITHIN
    ]

    assert [] == flagged[:3]
