import re
from decimal import Decimal

from omcrm.wire.desk_status import (
    DeskConnectionState,
    DeskFeedsStarted,
    DeskFeedsStopped,
    DeskInstrumentState,
)
from omcrm.wire.encoding import dumps
from tests.processes import ROOT
from tests.values import START, after, quote, trade


def test_an_instrument_without_a_price_has_nulls() -> None:
    """With one it has the age in seconds, to the millisecond."""
    state = DeskInstrumentState.of("BTC", quote(trade("1.50")), "kraken", after(1.5))
    nothing = DeskInstrumentState.of("BTC", None, None, START)

    assert (Decimal("1.50"), "live", "binance", "kraken", 1.5) == (
        state.price,
        state.price_class,
        state.source,
        state.runner_up,
        state.age_seconds,
    )
    assert (
        '{"symbol":"BTC","price":null,"price_class":null,"price_basis":null,"source":null,"runner_up":null,'
        '"seq":null,"age_seconds":null}'
    ) == dumps(nothing)


def test_what_did_not_happen_is_not_counted() -> None:
    """Counters come between the open sockets and the measured figures."""
    state = DeskConnectionState(open=2, opened=5, worst_lag_ms=0.5, timers=3, frozen_objects=7)

    assert '{"open":2,"opened":5,"worst_lag_ms":0.5,"timers":3,"frozen_objects":7}' == dumps(state)


def test_every_counter_of_connections_has_a_field() -> None:
    """Those that the code counts by name, and the reasons for which a connection is closed."""
    code = "".join(path.read_text() for path in (ROOT / "omcrm" / "streaming").glob("*.py"))
    counted = set(re.findall(r'\bcounters\["(\w+)"\]', code))
    reasons = set(re.findall(r'\b(?:abort|_finish)\("(\w+)"\)', code)) - {"gone"}

    assert {"opened", "stalled"} <= counted | reasons
    assert counted | reasons <= set(DeskConnectionState.__struct_fields__)


def test_the_feeds_symbols_on_the_wire() -> None:
    """By asset class."""
    started = DeskFeedsStarted(
        status="started",
        instruments_count=1,
        crypto_symbols=["BTC"],
        stock_symbols=[],
        forex_symbols=[],
    )

    assert (
        '{"success":true,"status":"started","instruments_count":1,"crypto_symbols":["BTC"],'
        '"stock_symbols":[],"forex_symbols":[]}'
    ) == dumps(started)
    assert '{"success":true,"status":"stopped"}' == dumps(DeskFeedsStopped(status="stopped"))
