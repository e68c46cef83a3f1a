"""How the gate's tests ask it."""

from datetime import timedelta
from decimal import Decimal

from omcrm.market.policy import Policy
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator

POLICY = Policy(("binance", "kraken"), timedelta(seconds=10), Decimal("0.10"))


def reason(
    validator: Validator, news: Tick, held: SourceQuote | None = None, *others: SourceQuote
) -> str | None:
    """Why the tick is refused as a whole; None where something of it is believed."""
    before = validator.rejected.copy()
    if validator.validate(news, held, others, POLICY) is not None:
        assert before == validator.rejected
        return None
    ((why, count),) = (validator.rejected - before).items()
    assert 1 == count
    return why
