"""The policy and a call that tests of the validator use."""

from datetime import timedelta
from decimal import Decimal

from omcrm.market.policy import Policy
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator

POLICY = Policy(("binance", "kraken"), timedelta(seconds=10), Decimal("0.10"))


def reason(
    validator: Validator, new_tick: Tick, held: SourceQuote | None = None, *others: SourceQuote
) -> str | None:
    """The reason a tick is rejected as a whole; None where any part of it is accepted."""
    before = validator.rejected.copy()
    if validator.validate(new_tick, held, others, POLICY) is not None:
        assert before == validator.rejected
        return None
    ((why, count),) = (validator.rejected - before).items()
    assert 1 == count
    return why
