"""Which frames are taken, and what is noticed to be missing."""

import random

from msgspec import structs

from omcrm.engine.bus import ConnectionCounts, Demand, PortfolioChanged
from omcrm.engine.bus_frame import BusFrame, SnapshotHead
from omcrm.engine.frame_order import Continuity, FrameOrder, SenderNews, Senders
from tests.values import START, quote, trade

QUOTES = (quote(trade("100")),)
NEXT, GAP, REFUSED = Continuity.NEXT, Continuity.GAP, Continuity.REFUSED


def frame(token: int, seq: int, epoch: str = "", is_heartbeat: bool = False) -> BusFrame:
    quotes = () if is_heartbeat else QUOTES
    return BusFrame("leader", token, epoch or f"epoch {token}", seq, 0, START, quotes)


def head(token: int, seq: int, epoch: str = "") -> SnapshotHead:
    return SnapshotHead(token, epoch or f"epoch {token}", seq, START)


def joined() -> FrameOrder:
    """Has the snapshot up to frame 5 of token 3."""
    order = FrameOrder()
    order.note_snapshot(head(3, 5))
    return order


def test_frames_after_the_snapshot_are_the_next() -> None:
    """Those that it contains already are nothing new, and nothing is missing."""
    order = joined()

    assert [NEXT] * 4 == [order.note(frame(3, seq)) for seq in (4, 5, 6, 7)]
    assert NEXT is order.note(frame(3, 7, is_heartbeat=True))
    assert not order.is_missing


def test_a_gap_lasts_until_a_snapshot_has_what_is_missing() -> None:
    """The frame itself counts; later ones are in order again."""
    order = joined()

    assert GAP is order.note(frame(3, 8))
    assert NEXT is order.note(frame(3, 9))
    assert order.note_snapshot(head(3, 6))
    assert order.is_missing
    assert order.note_snapshot(head(3, 7))
    assert not order.is_missing


def test_a_heartbeat_shows_that_the_last_frame_is_missing() -> None:
    """It has the number of the last frame with quotes."""
    order = joined()

    assert GAP is order.note(frame(3, 6, is_heartbeat=True))
    order.note_snapshot(head(3, 6))
    assert not order.is_missing


def test_a_lower_token_is_refused() -> None:
    """From a frame, a heartbeat and a snapshot."""
    order = joined()

    assert REFUSED is order.note(frame(2, 100))
    assert REFUSED is order.note(frame(2, 100, is_heartbeat=True))
    assert not order.note_snapshot(head(2, 100))
    assert 3 == order.token
    assert NEXT is order.note(frame(3, 6))


def test_a_higher_token_begins_anew() -> None:
    """With a gap, unless it is the first frame at all; the one before is refused from then on."""
    order = joined()

    assert GAP is order.note(frame(4, 1))
    assert order.is_missing
    order.note_snapshot(head(4, 0))
    assert not order.is_missing
    assert NEXT is order.note(frame(4, 2))
    assert REFUSED is order.note(frame(3, 6))


def test_a_new_epoch_of_the_same_token_begins_anew() -> None:
    """The same leader numbers its frames anew."""
    order = joined()

    assert GAP is order.note(frame(3, 1, "another"))
    order.note_snapshot(head(3, 9))
    assert order.is_missing
    order.note_snapshot(head(3, 1, "another"))
    assert not order.is_missing


def test_after_a_break_the_snapshot_is_needed() -> None:
    """Up to what was known, and up to what a frame shows then."""
    order = joined()
    order.note_break()

    assert order.is_missing
    order.note_snapshot(head(3, 5))
    assert not order.is_missing
    assert GAP is order.note(frame(3, 9))


def test_whatever_arrives_nothing_is_missed_unnoticed() -> None:
    """Frames are lost, snapshots come late, leaders follow each other: where nothing is known to
    be missing, all frames up to the last one have arrived or are in a snapshot."""
    chance = random.Random(3)
    for _ in range(300):
        order, token, seq, had = FrameOrder(), 1, 0, set[tuple[int, int]]()
        for _ in range(60):
            action = chance.random()
            if action < 0.6:
                seq += 1
                if chance.random() < 0.7:
                    had.add((token, seq))
                    order.note(frame(token, seq))
            elif action < 0.8:
                covered = chance.randint(0, seq)
                if order.note_snapshot(head(token, covered)):
                    had |= {(token, number) for number in range(1, covered + 1)}
            elif action < 0.9:
                order.note(frame(token, seq, is_heartbeat=True))
            elif action < 0.95:
                order.note_break()
            else:
                token, seq = token + 1, 0
            order.note(frame(token, seq, is_heartbeat=True)) if action > 0.97 else None
        order.note(frame(token, seq, is_heartbeat=True))

        complete = {(token, number) for number in range(1, seq + 1)} <= had
        assert complete or order.is_missing
        order.note_snapshot(head(token, seq))
        assert not order.is_missing


def of(sender: str, number: int, *ids: int) -> BusFrame:
    messages = tuple(PortfolioChanged(1, other) for other in ids)
    return BusFrame(sender, 0, "", 0, number, START, (), messages)


def test_messages_of_a_sender_are_new_once() -> None:
    """A frame that was sent again brings only those that are missing."""
    senders = Senders()

    assert SenderNews(NEXT, of("a", 5, 1, 2).messages, is_new=True) == note(senders, "a", 5, 1, 2)
    assert SenderNews(NEXT, ()) == note(senders, "a", 5, 1, 2)
    assert SenderNews(NEXT, of("a", 7, 3).messages) == note(senders, "a", 6, 2, 3)
    assert note(senders, "b", 0, 1).is_new
    assert 2 == len(senders)


def test_missed_messages_come_in_their_order() -> None:
    """Those after the gap wait for the repetition, which is asked for once."""
    senders = Senders()
    note(senders, "a", 0, 1)

    assert SenderNews(GAP, ()) == note(senders, "a", 2, 3)
    assert SenderNews(NEXT, ()) == note(senders, "a", 3, 4)
    repeat = structs.replace(of("a", 0, 1, 2, 3, 4), is_repeat=True)
    assert SenderNews(NEXT, of("a", 1, 2, 3, 4).messages) == senders.note(repeat, 0.0)
    assert SenderNews(NEXT, of("a", 4, 5).messages) == note(senders, "a", 4, 5)
    assert SenderNews(GAP, ()) == note(senders, "a", 9, 9)


def test_what_a_sender_cannot_repeat_is_lost() -> None:
    """Its newer messages count from then on."""
    senders = Senders()
    note(senders, "a", 0, 1)
    note(senders, "a", 5, 6)
    repeat = structs.replace(of("a", 4, 5, 6), is_repeat=True)

    assert SenderNews(Continuity.LOST, repeat.messages) == senders.note(repeat, 0.0)
    assert SenderNews(NEXT, of("a", 6, 7).messages) == note(senders, "a", 6, 7)


def test_a_new_process_takes_no_repetition() -> None:
    """It is meant for those that were there before."""
    senders = Senders()
    repeat = structs.replace(of("a", 4, 5, 6), is_repeat=True)

    assert SenderNews(NEXT, (), is_new=True) == senders.note(repeat, 0.0)
    assert SenderNews(NEXT, of("a", 6, 7).messages) == note(senders, "a", 6, 7)


def test_a_process_that_missed_something_says_so() -> None:
    """By a count that changes; that of a new one says nothing."""
    senders = Senders()

    assert not senders.note(structs.replace(of("a", 0), joins=3), 0.0).has_missed
    assert not senders.note(structs.replace(of("a", 0), joins=3), 0.0).has_missed
    assert senders.note(structs.replace(of("a", 0), joins=4), 0.0).has_missed


def note(senders: Senders, sender: str, number: int, *ids: int) -> SenderNews:
    return senders.note(of(sender, number, *ids), 0.0)


def test_a_process_that_ended_wants_and_has_nothing() -> None:
    """Its demand and its connections end, those of the others do not."""
    senders = Senders()
    state = (Demand("view", frozenset({"BTC"})), ConnectionCounts("web", {"pages:1": 2}))
    senders.note(BusFrame("a", 0, "", 0, 0, START, (), state), 1.0)
    senders.note(of("b", 0), 9.0)

    assert [] == senders.take_silent(1.0)
    ended = [Demand("view", frozenset()), ConnectionCounts("web", {}, is_all=True)]
    assert ended == senders.take_silent(5.0)
    assert 1 == len(senders)
    assert [] == senders.take_silent(5.0)


def test_processes_are_bounded() -> None:
    """Of very many the ones that were silent for longest are forgotten."""
    senders = Senders()
    for number in range(2_000):
        senders.note(of(f"process {number}", 0), float(number))

    assert len(senders) < 1_000
    assert not senders.note(of("process 1999", 0), 2_000.0).is_new
