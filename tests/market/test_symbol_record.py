from datetime import timedelta
from decimal import Decimal

import pytest

from omcrm.market.comparison import Dispute, DisputeRule
from omcrm.market.price_class import PriceClass
from omcrm.market.symbol_record import SymbolRecord
from tests.market.whole_market import POLICIES
from tests.values import after, instrument


@pytest.fixture
def record() -> SymbolRecord:
    """The record of a symbol that has no source yet."""
    btc = instrument()
    return SymbolRecord(btc, POLICIES[btc.asset_class])


def test_the_recovery_hold_doubles_up_to_five_minutes(record: SymbolRecord) -> None:
    """Ten good minutes make up for all failures; other sources have their own."""
    holds = []
    for second in range(8):
        holds.append(record.recovery_hold("binance", after(second)).total_seconds())
        record.note_failure("binance", after(second))

    assert [10, 10, 20, 40, 80, 160, 300, 300] == holds
    assert timedelta(seconds=10) == record.recovery_hold("kraken", after(8))
    assert timedelta(seconds=300) == record.recovery_hold("binance", after(607))
    assert timedelta(seconds=10) == record.recovery_hold("binance", after(608))


def test_a_source_outside_its_own_book_for_two_seconds_is_contradicted(
    record: SymbolRecord,
) -> None:
    """A moment outside begins anew after a moment inside."""
    for second, is_beside in ((0, True), (1, False), (2, True), (3, True)):
        record.note_beside("binance", after(second), is_beside=is_beside)

    assert not record.is_contradicted("binance", PriceClass.LIVE, after(3.9))
    assert record.is_contradicted("binance", PriceClass.LIVE, after(4))
    assert not record.is_contradicted("kraken", PriceClass.LIVE, after(4))


def test_a_source_that_loses_a_dispute_is_contradicted(record: SymbolRecord) -> None:
    """The other one is not."""
    record.dispute = Dispute(frozenset({"kraken"}), DisputeRule.MAJORITY, ())

    assert record.is_contradicted("kraken", PriceClass.LIVE, after(0))
    assert not record.is_contradicted("binance", PriceClass.LIVE, after(0))


def test_closed_prices_are_compared_only_while_they_contradict_each_other(
    record: SymbolRecord,
) -> None:
    """A dispute goes on beyond the close between those that it began with."""
    before = record.is_compared("kraken", PriceClass.CLOSED, after(0))
    record.dispute = Dispute(
        frozenset({"kraken"}), DisputeRule.MAJORITY, (("kraken", Decimal(1)), ("okx", Decimal(2)))
    )

    assert not before
    assert record.is_compared("okx", PriceClass.CLOSED, after(0))
    assert not record.is_compared("binance", PriceClass.CLOSED, after(0))
    assert record.is_compared("binance", PriceClass.LIVE, after(0))
