from decimal import Decimal

from omcrm.market.feed_event import FeedEvent, FeedEventKind
from omcrm.market.validation import RejectedTick, RejectReason
from omcrm.wire.encoding import dumps
from omcrm.wire.feed_report import DeskFeedEvent, DeskRejectedTick, DeskSourceQuote
from tests.values import START, after, quote, tick, trade


def test_a_source_s_price_has_its_age() -> None:
    """In seconds, to the millisecond."""
    text = dumps(DeskSourceQuote.of(quote(trade("1.50")), after(1.2345678)))

    assert text.startswith(
        '{"source":"binance","price":1.50,"price_class":"live","price_basis":"trade",'
        '"age_seconds":1.'
    )


def test_an_event_on_the_wire() -> None:
    """What is not known is null."""
    event = FeedEvent(at=START, kind=FeedEventKind.STATE, source="kraken", reason="closed")

    assert (
        '{"at":"2026-03-04T15:00:00.000Z","kind":"state","source":"kraken","before":null,'
        '"symbols":[],"reason":"closed","code":null,"figures":{},"cause":null,"silent_seconds":null}'
    ) == dumps(DeskFeedEvent.of(event))


def test_a_rejected_tick_on_the_wire() -> None:
    """With the prices that it was compared to."""
    others = (("coinbase", Decimal("99.5")),)
    rejected = RejectedTick(RejectReason.JUMP, tick(trade("300")), Decimal("100.0"), others)

    assert (
        '"reason":"jump","price":300,"bid":null,"ask":null,"held":100.0,'
        '"others":[{"source":"coinbase","price":99.5}]}'
    ) in dumps(DeskRejectedTick.of(rejected))
