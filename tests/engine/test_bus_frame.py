"""Frames arrive as they were sent, and whatever else arrives is refused."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec import structs

from omcrm.engine.bus import (
    ConnectionCounts,
    Control,
    ControlAction,
    Demand,
    EngineReport,
    FeedChanged,
    FeedEvents,
    Holdings,
    LoginEnded,
    PortfolioChanged,
    RemoteMessage,
    UserEventsWritten,
)
from omcrm.engine.bus_frame import (
    BusFrame,
    FrameRefused,
    SnapshotHead,
    decode_frame,
    decode_head,
    decode_quote,
    encode,
    own_prefix,
)
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import BudgetUse
from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind, FeedFigures, FeedProblem
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures
from tests.values import START, book, quote, trade

PROBLEM = FeedProblem(FeedCode.JUMP, FeedFigures(price=Decimal("1.50"), seconds=2.5))
EVENT = FeedEvent(at=START, kind=FeedEventKind.BEGAN, source="binance", symbols=("BTC",))
STATUS = FeedStatus(state=FeedState.WAITING, active=False, type="websocket", problem=PROBLEM)
MESSAGES: tuple[RemoteMessage, ...] = (
    FeedChanged("binance"),
    FeedEvents((EVENT,)),
    Demand("view", frozenset({"BTC", "ETH"})),
    Holdings(frozenset()),
    Control(ControlAction.CATALOGUE_CHANGED),
    LoginEnded("hash"),
    PortfolioChanged(1, 2),
    UserEventsWritten(frozenset({1, 2})),
    ConnectionCounts("web", {"pages:1": 2}, is_all=True),
    EngineReport(
        since=START,
        reviewed_at=None,
        failure=None,
        statuses={"binance": STATUS},
        budgets={"coingecko": [BudgetUse(Budget(30, "minute"), 3, START, None)]},
    ),
)
ASKED = Source("coingecko", PriceClass.INDICATIVE, STATUS.connected_since or None)
QUOTES = (
    quote(trade("98765.43", 17, "0.0123", START), book("98765.42", "98765.44"), seq=2**40),
    quote(trade("0.00000001"), DayFigures(open=Decimal("1E-8")), symbol="INFNAN"),
    structs.replace(quote(trade("5"), source=ASKED), price_class=PriceClass.STALE),
)
FRAME = BusFrame("process", 3, "epoch", 7, 12, START, QUOTES, MESSAGES)


def test_a_frame_arrives_as_it_was_sent() -> None:
    """Every figure with all its digits, every time with its zone."""
    assert FRAME == decode_frame(encode(FRAME))


def test_parts_of_a_snapshot_arrive_as_they_were_written() -> None:
    """A quote, and what the snapshot contains."""
    head = SnapshotHead(3, "epoch", 7, START)

    assert list(QUOTES) == [decode_quote(encode(part)) for part in QUOTES]
    assert head == decode_head(encode(head))


def test_own_frames_are_known_by_their_beginning() -> None:
    """And no others."""
    own = own_prefix("process")

    assert encode(FRAME).startswith(own)
    assert not encode(structs.replace(FRAME, sender="another")).startswith(own)


def test_a_newer_process_may_send_more() -> None:
    """What an older one does not know is at the end of the list."""
    data = msgspec.msgpack.encode([*structs.astuple(FRAME), "more"])

    assert FRAME == decode_frame(data)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "sNaN", "Infinity", "-inf"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    """In a frame and in a snapshot."""
    wrong = structs.replace(QUOTES[0], last=Decimal(price))

    with pytest.raises(FrameRefused):
        decode_frame(encode(structs.replace(FRAME, quotes=(*QUOTES, wrong))))
    with pytest.raises(FrameRefused):
        decode_quote(encode(wrong))


@pytest.mark.parametrize("field", ["bid", "ask_size", "volume", "change_percent"])
def test_a_figure_that_is_no_number_is_refused(field: str) -> None:
    """A symbol may be called so."""
    for text in ("NaN", "sNaN", "-NaN", "inf", "-Infinity"):
        wrong = structs.replace(QUOTES[0], **{field: Decimal(text)})

        with pytest.raises(FrameRefused):
            decode_frame(encode(structs.replace(FRAME, quotes=(wrong,))))


def test_a_time_without_a_zone_is_refused() -> None:
    """It could be any."""
    naive = datetime(2026, 3, 4)
    wrong = structs.replace(QUOTES[0], confirmed_at=naive)

    with pytest.raises(FrameRefused):
        decode_frame(encode(structs.replace(FRAME, quotes=(wrong,))))


@pytest.mark.parametrize("number", [-1, 2**53 + 1])
def test_a_number_out_of_bounds_is_refused(number: int) -> None:
    """Browsers could not count it."""
    for field in ("token", "quote_seq", "message_seq"):
        with pytest.raises(FrameRefused):
            decode_frame(encode(structs.replace(FRAME, **{field: number})))


def test_random_bytes_are_refused_or_are_a_frame(tries: int) -> None:
    """Frames with changed, missing, doubled and added bytes raise nothing else."""
    chance, whole = random.Random(7), encode(FRAME)
    taken = 0
    for _ in range(tries):
        data = bytearray(whole if chance.random() < 0.9 else chance.randbytes(chance.randrange(99)))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data) + 1)
            if chance.random() < 0.5 and at < len(data):
                data[at] = chance.randrange(256)
            else:
                data[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
        try:
            frame = decode_frame(bytes(data))
        except FrameRefused:
            continue
        taken += 1
        assert all(part.last > 0 for part in frame.quotes)
        assert all(part.confirmed_at.astimezone(UTC) for part in frame.quotes)

    assert taken < tries
