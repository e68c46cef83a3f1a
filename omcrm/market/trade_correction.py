"""Takes back what a source reported wrongly."""

from collections.abc import Iterable

from msgspec import structs

from omcrm.market.policy import Policy
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick, Trade
from omcrm.market.validation import Validator


def corrected(
    tick: Tick,
    held: SourceQuote | None,
    sources: Iterable[SourceQuote],
    policy: Policy,
    validator: Validator,
) -> SourceQuote | None:
    """What a source reports after the correction in `tick`; None where it changes nothing.

    A corrected last price is validated like any other, and takes the time and age of the wrong one.
    """
    correction = tick.correction
    if held is None or correction is None:
        return None
    left = held.without_trade(correction.reference)
    if left is held:
        return None
    validator.forget(tick.symbol, tick.source.name)
    trade = correction.trade
    if trade is None or not trade.updates.last or left.trade is held.trade:
        return left
    accepted = validator.validate(_as_then(held, trade), left, sources, policy)
    if accepted is None:
        return left
    return structs.replace(SourceQuote.merge(accepted, left), received_at=held.received_at)


def _as_then(held: SourceQuote, trade: Trade) -> Tick:
    """The tick that should have come instead of the one that brought the last price."""
    wrong, moment = held.trade_from, held.trade.time if held.trade else None
    assert wrong is not None
    return Tick(
        wrong.symbol,
        wrong.source,
        wrong.received_at,
        wrong.connection,
        structs.replace(trade, time=moment),
        late=wrong.late,
    )
