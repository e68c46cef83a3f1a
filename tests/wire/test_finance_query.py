from omcrm.wire.finance_query import (
    FinanceQueryHoursUpdate,
    FinanceQueryLongQuote,
    FinanceQueryMetadata,
    FinanceQueryMover,
)
from tests.values import sent

LEFT = FinanceQueryMetadata(rate_limit=2000, remaining_requests=1999, reset=60)


def test_only_the_first_message_counts_requests() -> None:
    """Before its other fields."""
    hours = {"status": "Open", "reason": "", "timestamp": "2026-01-05T14:30:00.123Z"}

    assert hours == sent(FinanceQueryHoursUpdate(**hours))
    assert "metadata" == next(iter(sent(FinanceQueryHoursUpdate(metadata=LEFT, **hours))))


def test_a_long_quote_begins_like_a_short_one() -> None:
    """The other session's prices are absent outside of it; the dividend yield is `yield`."""
    nothing = dict.fromkeys(FinanceQueryLongQuote.__struct_fields__)
    for absent in ("preMarketPrice", "afterHoursPrice", "recorded_at"):
        del nothing[absent]
    body = sent(FinanceQueryLongQuote(**nothing))

    assert list(FinanceQueryMover.__struct_fields__[:9]) == list(body)[:9]
    assert {"yield"} == body.keys() - set(nothing)
    assert "preMarketPrice" not in body
