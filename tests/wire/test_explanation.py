from datetime import timedelta
from decimal import Decimal

from omcrm.market.explanation import SourceState, SourceVerdict
from omcrm.market.price_class import PriceClass
from omcrm.wire.explanation import JsonSourceState
from tests.values import START


def test_a_source_has_its_times_in_seconds() -> None:
    """Ages and latency are seconds, moments are text."""
    state = JsonSourceState.of(
        SourceState(
            source="kraken",
            verdict=SourceVerdict.STANDBY,
            is_accepted=True,
            price_class=PriceClass.LIVE,
            last=Decimal("1.5"),
            provider_time=START,
            age=timedelta(milliseconds=1500),
            late=timedelta(),
        )
    )

    assert (1.5, 0.0) == (state.age_seconds, state.late_seconds)
    assert "2026-03-04T15:00:00.000Z" == state.provider_time
    assert (Decimal("1.5"), None) == (state.price, state.hold_ends_at)


def test_a_source_without_a_price_has_only_its_verdict() -> None:
    """The other fields are null."""
    state = JsonSourceState.of(
        SourceState(source="okx", verdict=SourceVerdict.NO_PRICE, is_accepted=False)
    )

    assert (None, None, None) == (state.price, state.age_seconds, state.provider_time)
