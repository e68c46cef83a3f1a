from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar
from omcrm.market.source import Source
from omcrm.market.source_quote import SourceQuote
from tests.values import START, after, source_quote, tick, trade

POLICY = Policy(("somewhere",), timedelta(seconds=10), Decimal("0.1"))
LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
DELAYED, INDICATIVE = PriceClass.DELAYED, PriceClass.INDICATIVE
REPLAYED = PriceClass.REPLAYED
SIMULATED, LAST_RESORT = PriceClass.SIMULATED, PriceClass.LAST_RESORT
# A Wednesday at ten in New York: six hours to the close.
HOUR, DAY = 3600, 86400
TO_THE_CLOSE = 6 * HOUR


def classified(source: Source, age: float, calendar: Calendar, *, streaming: bool) -> PriceClass:
    """The class of a price so many seconds after its arrival."""
    held = source_quote(trade("1"), source=source)
    return POLICY.classify(held, after(age), calendar, streaming=streaming)


@pytest.mark.parametrize(
    ("claim", "age", "streaming", "shown"),
    [
        (LIVE, 0, True, LIVE),
        (LIVE, 10, True, LIVE),
        (LIVE, 10.001, True, STALE),
        (LIVE, 0, False, STALE),
        (SIMULATED, 10, True, SIMULATED),
        (SIMULATED, 10.001, True, STALE),
        (SIMULATED, 0, False, STALE),
        (DELAYED, 300, True, DELAYED),
        (DELAYED, 301, True, STALE),
        (DELAYED, 121, False, STALE),
        (INDICATIVE, 300, True, INDICATIVE),
        (INDICATIVE, DAY, True, STALE),
        (INDICATIVE, 120, False, INDICATIVE),
        (INDICATIVE, 121, False, STALE),
        (LAST_RESORT, DAY, False, LAST_RESORT),
    ],
)
@pytest.mark.parametrize("calendar", [Calendar.ALWAYS, Calendar.FOREX])
def test_class_follows_from_claim_age_and_connection(
    claim: PriceClass, age: float, streaming: bool, shown: PriceClass, calendar: Calendar
) -> None:
    """A price is never classed better than claim, age and connection allow."""
    source = Source("somewhere", claim)

    assert shown is classified(source, age, calendar, streaming=streaming)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("arrived", "shown"), [(-10, CLOSED), (-11, STALE), (0, CLOSED), (HOUR, CLOSED)]
)
def test_only_what_was_fresh_at_the_close_is_closed(
    arrived: float, shown: PriceClass, streaming: bool
) -> None:
    """A streamed price is closed where it was live at the close or came later; at any age."""
    held = source_quote(trade("1"), at=after(TO_THE_CLOSE + arrived))
    night = after(TO_THE_CLOSE + 10 * HOUR)

    assert shown is POLICY.classify(held, night, Calendar.XNYS, streaming=streaming)


def test_the_age_of_asked_prices_is_trading_time() -> None:
    """What was asked for before the close is current until its maximum age after the open."""
    source = Source("somewhere", INDICATIVE, max_age=timedelta(minutes=10))
    held = source_quote(trade("1"), source=source, at=after(TO_THE_CLOSE - 60))
    opening = TO_THE_CLOSE + 17.5 * HOUR

    classes = [
        POLICY.classify(held, after(opening + second), Calendar.XNYS, streaming=False)
        for second in (-1, 60, 61)
    ]
    assert [INDICATIVE, INDICATIVE, STALE] == classes
    assert INDICATIVE is POLICY.classify(held, after(opening + 540), Calendar.XNYS, streaming=True)
    assert STALE is POLICY.classify(held, after(opening + 541), Calendar.XNYS, streaming=True)


@pytest.mark.parametrize(("weeks", "shown"), [(0, INDICATIVE), (1, STALE)])
def test_an_old_time_makes_an_asked_price_stale(weeks: int, shown: PriceClass) -> None:
    """A price that arrives now with its source's time of a week ago is stale."""
    time = after(-weeks * 7 * DAY - 60)
    held = source_quote(trade("1", time=time), source=Source("somewhere", INDICATIVE))

    assert shown is POLICY.classify(held, after(0), Calendar.ALWAYS, streaming=True)


@pytest.mark.parametrize(
    ("claim", "age", "streaming", "shown"),
    [
        (LIVE, 10, True, REPLAYED),
        (LIVE, 10.001, True, STALE),
        (LIVE, 0, False, STALE),
        (SIMULATED, 10, True, REPLAYED),
        (SIMULATED, 0, False, STALE),
        (DELAYED, 0, True, REPLAYED),
        (INDICATIVE, 300, True, REPLAYED),
        (INDICATIVE, 301, True, STALE),
    ],
)
@pytest.mark.parametrize("hour", [0, 10])
def test_a_recording_is_replayed_or_stale(
    claim: PriceClass, age: float, streaming: bool, shown: PriceClass, hour: int
) -> None:
    """Whatever its source claims and its own times are, at any hour of the market."""
    source, at = Source("somewhere", claim), after(hour * HOUR)
    old = tick(trade("1", time=after(-9999 * HOUR)), source=source, at=at)
    held = SourceQuote.merge(structs.replace(old, recorded_at=START), None)
    now = at + timedelta(seconds=age)

    assert shown is POLICY.classify(held, now, Calendar.ALWAYS, streaming=streaming)
    if claim in (LIVE, SIMULATED):
        assert shown is POLICY.classify(held, now, Calendar.XNYS, streaming=streaming)


@pytest.mark.parametrize("asset_class", AssetClass)
def test_every_asset_class_has_its_policy(asset_class: AssetClass) -> None:
    """Simulated and last-resort prices are the last sources of every policy."""
    policy = POLICIES[asset_class]

    assert ("simulated", "last_resort") == policy.sources[-2:]
    assert timedelta(0) < policy.max_age <= timedelta(minutes=1)
    assert 0 < policy.max_deviation < 1


def test_a_group_of_symbols_has_bounds_of_its_own() -> None:
    """Bitcoin's sources may be less far apart than those of other coins."""
    crypto = POLICIES[AssetClass.CRYPTO]

    assert crypto is crypto.of("DOGE")
    assert crypto.of("BTC").max_divergence < crypto.max_divergence
    assert crypto.of("USDT").max_deviation < crypto.max_deviation
    assert crypto.max_age == crypto.of("BTC").max_age
