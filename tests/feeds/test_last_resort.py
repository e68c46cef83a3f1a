from decimal import Decimal

import msgspec

from omcrm.feeds.last_resort import last_resort
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.policy import POLICIES
from omcrm.market.source import LAST_RESORT
from omcrm.market.tick import Trade
from omcrm.market.validation import Validator
from tests.values import START, instrument


def test_every_instrument_has_a_hard_coded_price() -> None:
    """The whole catalogue has a price of last resort."""
    ticks = last_resort(CATALOGUE, START)

    assert {instrument.symbol: instrument.last_resort_price for instrument in CATALOGUE} == {
        tick.symbol: tick.trade.price for tick in ticks
    }
    assert {(LAST_RESORT, START)} == {(tick.source, tick.received_at) for tick in ticks}


def test_has_nothing_but_the_price() -> None:
    """No bid, no day figures and no time of a trade are invented."""
    (tick,) = last_resort([instrument("BTC")], START)

    assert Trade(Decimal(1)) == tick.trade
    assert (None, None) == (tick.book, tick.day)


def test_an_instrument_without_one_has_none() -> None:
    """Without such a price there is no tick."""
    assert [] == last_resort([msgspec.structs.replace(instrument(), last_resort_price=None)], START)


def test_the_validator_accepts_it() -> None:
    """The validator accepts every hard-coded price."""
    validator = Validator()

    for tick in last_resort(CATALOGUE, START):
        (policy, *_) = POLICIES.values()

        assert tick == validator.validate(tick, None, (), policy)
