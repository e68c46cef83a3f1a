"""Trades that do not set the last price, and trades that are taken back, from frame to quote.

Long for a reason: what such a trade changes, and what it leaves alone, are one rule.
"""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.feeds.providers.finnhub.stream import Finnhub
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.market.bar import BarBuilder
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from omcrm.market.trade_condition import CTA, UTP
from omcrm.market.validation import RejectReason, Validator
from tests.values import START, after, instrument

KEYS = Keys(lambda name: "an-example-key")
PROVIDERS = {
    "alpaca": Alpaca("wss://stream.data.alpaca.markets/v2/sip", KEYS),
    "finnhub": Finnhub("wss://ws.finnhub.io", KEYS),
    "massive": Massive("wss://socket.massive.com/stocks", KEYS),
}
MAX_AGE = POLICIES[AssetClass.STOCK].max_age.total_seconds()
# In the tables of the tapes, each with what alone lets it set the last price.
TAPES = {"A": CTA, "C": UTP}


class Share:
    """AAPL at one source, on a Wednesday at ten in New York; each trade comes a second later."""

    def __init__(self, source: str = "alpaca") -> None:
        self.second = 0.0
        self.validator = Validator()
        self.provider = PROVIDERS[source]
        self.bars = BarBuilder()
        self.quote: Quote | None = None
        self.consolidator = Consolidator(lambda: after(self.second), self.validator)
        self.consolidator.follow([instrument("AAPL", AssetClass.STOCK, {source: "AAPL"})])
        self.consolidator.set_health(source, HealthState.HEALTHY, 1)

    def send(self, frame: Any) -> None:
        """Receive a frame; `quote` is what is shown after it."""
        arrival = FrameContext(after(self.second), 1, {"AAPL": "AAPL"})
        for event in self.provider.parse(json.dumps(frame), arrival):
            if isinstance(event, Tick) and (quote := self.consolidator.apply(event)) is not None:
                self.quote = quote
                self.bars.take(quote)

    def trade(
        self, price: str, *conditions: str, number: int = 0, tape: str = "C", size: int = 100
    ) -> None:
        """Receive a trade of Alpaca a second later."""
        self.second += 1
        self.send(
            [
                {
                    "T": "t", "S": "AAPL", "i": number, "x": "V", "p": float(price), "s": size,
                    "c": list(conditions), "z": tape, "t": self.time(),
                }
            ]
        )  # fmt: skip

    def time(self) -> str:
        return after(self.second).isoformat().replace("+00:00", "Z")

    def day(self, high: str, low: str) -> None:
        """Receive a daily bar of Alpaca."""
        self.send(
            [
                {
                    "T": "d", "S": "AAPL", "o": float(low), "h": float(high), "l": float(low),
                    "c": float(low), "v": 1000, "t": "2026-03-04T05:00:00Z",
                }
            ]
        )  # fmt: skip

    def cancel(self, number: int) -> None:
        self.send(
            [{"T": "x", "S": "AAPL", "i": number, "x": "V", "p": 1, "s": 1, "a": "C", "z": "C"}]
        )

    def correct(self, number: int, price: str, *conditions: str) -> None:
        """Receive what a trade should have been; its new number is a thousand higher."""
        self.send(
            [
                {
                    "T": "c", "S": "AAPL", "x": "V", "oi": number, "op": 1, "os": 1, "oc": [],
                    "ci": number + 1000, "cp": float(price), "cs": 100, "cc": list(conditions),
                    "z": "C",
                }
            ]
        )  # fmt: skip

    @property
    def shown(self) -> Quote:
        """The quote, which there must be."""
        assert self.quote is not None
        return self.quote

    @property
    def last(self) -> Decimal:
        return self.shown.last

    def minute(self) -> tuple[str, ...]:
        """Open, high, low, close and volume of the last minute."""
        bar = self.bars.series("AAPL", self.provider.source.name, "1m", 1)[-1]
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        return tuple(f"{number.normalize():f}" for number in figures)


@pytest.fixture
def share() -> Share:
    """The share at Alpaca, last traded at 399 by trade 1."""
    share = Share()
    share.trade("399", "@", number=1)
    return share


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


# Cancels and corrections


def test_a_cancelled_last_price_is_taken_back(share: Share) -> None:
    """The price before returns, with its own time and age."""
    share.trade("383.64", "@", number=2)
    share.trade("383.60", "@", "I", number=3)
    share.second = 20
    share.cancel(2)

    assert (Decimal(399), after(1)) == (share.last, share.shown.provider_time)
    assert timedelta(seconds=19) == share.shown.age(after(20))
    assert PriceClass.LIVE is share.shown.price_class


def test_a_price_that_returns_may_be_too_old(share: Share) -> None:
    """What was true a minute ago is stale."""
    share.second = 60
    share.trade("383.64", "@", number=2)
    share.cancel(2)

    assert (Decimal(399), PriceClass.STALE) == (share.last, share.shown.price_class)


def test_several_may_be_cancelled(share: Share) -> None:
    """Each cancel takes its own trade back, in any order."""
    share.trade("398", "@", number=2)
    share.trade("397", "@", number=3)
    share.cancel(2)
    assert Decimal(397) == share.last

    share.cancel(3)
    assert Decimal(399) == share.last


def test_the_only_price_that_is_cancelled_is_not_live(share: Share) -> None:
    """Nothing can take its place, so it is shown as stale, with the reason, until the next."""
    share.cancel(1)

    assert PriceClass.STALE is share.shown.price_class
    assert StaleReason.CANCELLED is share.shown.stale_reason
    assert [] == share.consolidator.review()

    share.trade("398", "@", number=2)
    assert (Decimal(398), PriceClass.LIVE) == (share.last, share.shown.price_class)


def test_the_last_price_is_cancelled_after_many_odd_lots(share: Share) -> None:
    """They do not make a source forget which trade its price is of."""
    share.trade("398", "@", number=2)
    for number in range(3, 30):
        share.trade("398", "@", "I", number=number)
    share.cancel(2)

    assert Decimal(399) == share.last


def test_an_unknown_cancel_changes_nothing(share: Share) -> None:
    """A trade of before the connection, or one that is cancelled twice."""
    before = share.shown
    share.cancel(77)

    assert before is share.shown


def test_a_corrected_last_price_is_replaced(share: Share) -> None:
    """The corrected price is as old as the wrong one."""
    share.trade("383.64", "@", number=2)
    share.second = 20
    share.correct(2, "399.2", "@")

    assert (Decimal("399.2"), after(2)) == (share.last, share.shown.provider_time)
    assert timedelta(seconds=18) == share.shown.age(after(20))

    share.cancel(1002)
    assert Decimal(399) == share.last


def test_a_correction_far_away_only_takes_back(share: Share) -> None:
    """A corrected price is validated like any other."""
    share.trade("383.64", "@", number=2)
    share.correct(2, "39.92", "@")

    assert Decimal(399) == share.last


def test_a_correction_to_an_ineligible_trade_takes_back(share: Share) -> None:
    """It should have been an average price."""
    share.trade("383.64", "@", number=2)
    share.correct(2, "383.64", "@", "W")

    assert Decimal(399) == share.last


def test_a_correction_of_an_earlier_trade_leaves_the_last_price(share: Share) -> None:
    """A newer trade is the last price already."""
    share.trade("400", "@", number=2)
    share.correct(1, "390", "@")

    assert Decimal(400) == share.last


@pytest.mark.parametrize("conditions", [["@"], ["@", "Z"]])
def test_the_high_of_a_cancelled_trade_is_dropped(share: Share, conditions: list[str]) -> None:
    """No high is better than one that never was; the next daily bar has the true one."""
    share.day("400", "390")
    share.trade("405", *conditions, number=2)
    share.day("405", "390")
    share.cancel(2)

    assert (Decimal(399), None, Decimal(390)) == (share.last, share.shown.high, share.shown.low)


def test_a_jump_is_not_measured_from_a_cancelled_price(share: Share) -> None:
    """The price goes on from the one before."""
    for price in ("432", "431", "430"):
        share.trade(price, "@", number=2)
    share.cancel(2)
    share.trade("396", "@", number=3)

    assert Decimal(396) == share.last


def test_a_bar_loses_the_last_trade_when_it_is_taken_back(share: Share) -> None:
    """Its close, range and volume are as before; a corrected trade is counted once."""
    share.trade("405", "@", number=2, size=50)
    share.cancel(2)
    assert ("399", "399", "399", "399", "100") == share.minute()

    share.trade("406", "@", number=3, size=50)
    share.correct(3, "400", "@")
    assert ("399", "400", "399", "400", "200") == share.minute()

    share.trade("401", "@", number=4, size=1)
    assert ("399", "401", "399", "401", "201") == share.minute()
    assert START == share.bars.series("AAPL", "alpaca", "1m", 1)[-1].timestamp
