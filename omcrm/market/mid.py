"""The price in a quote-driven market: the mid of the book.

Banks quote currencies to their customers, and no exchange publishes their trades: what somewhere
one order paid is not the price of the market. So the price is halfway between a fresh bid and ask
that are close enough together to say where the market is, whatever is traded.
"""

from msgspec import structs

from omcrm.market.amount import halfway
from omcrm.market.instrument import Instrument
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis
from omcrm.market.session import is_open
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick, Trade


def priced_by_mid(tick: Tick, held: SourceQuote | None, policy: Policy) -> Tick:
    """The tick with the mid of its book as its price, and without one where that has none.

    `held` is what the same source reported before. From a source that sends no books, its own
    price is taken: one without a size is no trade, and so is called a mid.
    """
    if tick.source.claim is PriceClass.LAST_RESORT:
        return tick
    if tick.book is not None:
        return structs.replace(tick, trade=_mid(tick, policy))
    if tick.trade is None:
        return tick
    if held is not None and held.book is not None:
        return structs.replace(tick, trade=None)
    if tick.trade.size is None:
        return structs.replace(tick, trade=structs.replace(tick.trade, basis=PriceBasis.MID))
    return tick


def _mid(tick: Tick, policy: Policy) -> Trade | None:
    """The mid as a price; None where the book is old, wide, crossed, or none at all."""
    book = tick.book
    if book is None or tick.late > policy.max_age:
        return None
    bid, ask = book.bid, book.ask
    if not (bid.is_finite() and ask.is_finite() and 0 < bid <= ask):
        return None
    if ask - bid > bid * policy.max_spread:
        return None
    return Trade(halfway(bid, ask), time=book.time, basis=PriceBasis.MID)


def is_after_close(tick: Tick, held: SourceQuote | None, instrument: Instrument) -> bool:
    """Whether a quote of a closed market would replace the price of its close.

    A quote-driven market has no exchange that ends it: somebody quotes on Sundays, too.
    """
    if held is None or held.trade_from is None or tick.source.claim is not PriceClass.LIVE:
        return False
    calendar = instrument.calendar
    return not is_open(calendar, tick.received_at) and is_open(
        calendar, held.trade_from.received_at
    )
