"""How the gate's tests ask it."""

from datetime import timedelta
from decimal import Decimal

from omcrm.market.gate import Gate
from omcrm.market.policy import Policy
from omcrm.market.quote import Statement
from omcrm.market.tick import Tick

POLICY = Policy(("binance", "kraken"), timedelta(seconds=10), Decimal("0.10"))


def reason(gate: Gate, news: Tick, held: Statement | None = None, *others: Statement) -> str | None:
    """Why the tick is refused as a whole; None where something of it is believed."""
    before = gate.refused.copy()
    if gate.judge(news, held, others, POLICY) is not None:
        assert before == gate.refused
        return None
    ((why, count),) = (gate.refused - before).items()
    assert 1 == count
    return why
