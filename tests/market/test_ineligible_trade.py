"""Trades whose conditions do not let them set the last price, from frame to quote."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.trade_condition import CTA, UTP
from omcrm.market.validation import RejectReason
from tests.market.share import Share
from tests.values import after

MAX_AGE = POLICIES[AssetClass.STOCK].max_age.total_seconds()
# In the tables of the tapes, each with what alone lets it set the last price.
TAPES = {"A": CTA, "C": UTP}


# Which trades set the last price


@pytest.mark.parametrize(
    ("source", "conditions"),
    [
        *[("alpaca", ["@", code]) for code in "WZ4PITUVHCNR7MQ"],
        *[("finnhub", ["1", code]) for code in ("3", "12", "24", "30", "32", "21", "37")],
        *[("massive", [code]) for code in (2, 10, 12, 22, 32, 37, 52, 53, 15, 16)],
    ],
)
def test_an_ineligible_trade_is_no_last_price(source: str, conditions: list[Any]) -> None:
    """An average price, a late report, an odd lot and their like leave the price as it is."""
    share = Share(source)
    prices = {"before": 399.0, "ineligible": 383.64}
    for number, (name, price) in enumerate(prices.items()):
        share.second += 1
        moment = int(after(share.second).timestamp() * 1000)
        codes = conditions if name == "ineligible" else []
        share.send(
            {
                "alpaca": [
                    {"T": "t", "S": "AAPL", "i": number, "x": "V", "p": price, "s": 100,
                     "c": codes, "z": "C", "t": share.time()}
                ],
                "finnhub": {
                    "type": "trade",
                    "data": [{"s": "AAPL", "p": price, "t": moment, "v": 100, "c": codes}],
                },
                "massive": [
                    {"ev": "T", "sym": "AAPL", "p": price, "s": 100, "t": moment, "c": codes}
                ],
            }[source]
        )  # fmt: skip

    assert Decimal(399) == share.last
    assert 1 == share.shown.trade_number
    assert {} == dict(share.validator.rejected)


def test_an_ineligible_trade_confirms_no_price(share: Share) -> None:
    """A price is not younger because of odd lots."""
    for _ in range(int(MAX_AGE) + 2):
        share.trade("399", "@", "I")
    (review,) = share.consolidator.review() or [share.shown]

    assert (PriceClass.STALE, Decimal(399)) == (review.price_class, review.last)


def test_an_ineligible_trade_is_no_first_price() -> None:
    """Before a trade that may set it there is no price."""
    share = Share()
    share.trade("383.64", "@", "Z")

    assert share.quote is None


def test_an_ineligible_trade_is_no_reference_for_jumps(share: Share) -> None:
    """Prices far from an average price are no jump from it."""
    share.trade("360", "@", "W")
    share.trade("401", "@")

    assert Decimal(401) == share.last


def test_a_late_report_may_have_an_old_time(share: Share) -> None:
    """A trade out of sequence counts, though it was made before the last one."""
    share.day("400", "390")
    share.second -= 10
    share.trade("405", "@", "Z")

    assert (Decimal(399), Decimal(405)) == (share.last, share.shown.high)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(TAPES)),
            st.lists(st.sampled_from([*"@ABCDEFGHIKLMNOPQRSTUVWXYZ145679", "?"]), max_size=3),
            st.integers(39600, 40200),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_last_is_the_newest_trade_that_may_set_it(
    reports: list[tuple[str, list[str], int, bool]],
) -> None:
    """Whatever mixture of conditions and cancels arrives."""
    share = Share()
    eligible: list[Decimal] = []
    for number, (tape, conditions, cents, is_cancelled) in enumerate(reports):
        price = Decimal(cents) / 100
        share.trade(str(price), *conditions, number=number, tape=tape)
        table = TAPES[tape]
        if all(code in table and table[code].last for code in conditions):
            eligible.append(price)
            if is_cancelled:
                share.cancel(number)
                eligible.pop()
        if eligible:
            assert eligible[-1] == share.last
            assert PriceClass.LIVE is share.shown.price_class
        else:
            assert share.quote is None or PriceClass.STALE is share.quote.price_class


# High, low and volume


@pytest.mark.parametrize(
    ("price", "high", "low"), [("401", "401", "390"), ("389", "400", "389"), ("395", "400", "390")]
)
@pytest.mark.parametrize("condition", ["Z", "4", "P"])
def test_some_extend_the_range_of_the_day(
    share: Share, condition: str, price: str, high: str, low: str
) -> None:
    """A late report may be the high or the low, without being the last price."""
    share.day("400", "390")
    share.trade(price, "@", condition)

    assert (Decimal(high), Decimal(low)) == (share.shown.high, share.shown.low)
    assert Decimal(399) == share.last


@pytest.mark.parametrize("condition", ["W", "I", "T", "M"])
def test_others_leave_the_range_of_the_day(share: Share, condition: str) -> None:
    """An average price is neither high nor low."""
    share.day("400", "390")
    share.trade("405", "@", condition)

    assert (Decimal(400), Decimal(390)) == (share.shown.high, share.shown.low)


def test_without_figures_of_the_day_none_are_made(share: Share) -> None:
    """A source without a high gets none from a single trade."""
    share.trade("401", "@", "Z")

    assert (None, None) == (share.shown.high, share.shown.low)


def test_a_late_report_far_away_is_rejected(share: Share) -> None:
    """A price that would be a jump is no high either."""
    share.day("400", "390")
    share.trade("600", "@", "Z")

    assert Decimal(400) == share.shown.high
    assert {RejectReason.JUMP: 1} == dict(share.validator.rejected)


@pytest.mark.parametrize(
    ("condition", "bar"),
    [
        ("F", ("399", "401", "399", "401", "130")),
        ("Z", ("399", "401", "399", "399", "130")),
        ("I", ("399", "399", "399", "399", "130")),
        ("M", ("399", "399", "399", "399", "100")),
        ("9", ("399", "401", "399", "401", "100")),
    ],
)
def test_bars_count_what_the_conditions_allow(
    share: Share, condition: str, bar: tuple[str, ...]
) -> None:
    """A bar's close is a last price; its range and volume follow rules of their own."""
    share.trade("401", "@", condition, size=30)

    assert bar == share.minute()


def test_a_book_after_an_ineligible_trade_counts_it_once(share: Share) -> None:
    """Only the quote that the trade caused brings it."""
    share.trade("401", "@", "I", size=30)
    share.send(
        [{"T": "q", "S": "AAPL", "bp": 398.9, "bs": 1, "ap": 399.1, "as": 1, "t": share.time()}]
    )

    assert Decimal(399) == share.last
    assert share.shown.ineligible_time is None
    assert ("399", "399", "399", "399", "130") == share.minute()
