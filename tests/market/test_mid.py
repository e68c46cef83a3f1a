"""Currencies are priced by the mid of a fresh book, whoever sends it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, structs

from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass
from omcrm.market.mid import priced_by_mid
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote
from omcrm.market.source import LAST_RESORT, HealthState, Source
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.conftest import ManualClock
from tests.values import KRAKEN, START, after, book, instrument, tick, trade

POLICY = POLICIES[AssetClass.FOREX]
FINNHUB = Source("finnhub", PriceClass.LIVE)
MASSIVE = Source("massive_forex", PriceClass.LIVE)
REFERENCE = Source("exchangerate_api", PriceClass.INDICATIVE)
LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
MID = PriceBasis.MID
SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


class Currencies:
    """A consolidator of EURUSD with the product's policy, whose sources are all connected."""

    def __init__(self, now: datetime = START) -> None:
        self.clock = ManualClock()
        self.clock.now = now
        self.validator = Validator()
        self.consolidator = Consolidator(self.clock, self.validator)
        names = dict.fromkeys(POLICY.sources, "EURUSD")
        self.consolidator.follow([instrument("EURUSD", AssetClass.FOREX, names)])
        self.quote: Quote | None = None
        for source in (KRAKEN, FINNHUB, MASSIVE, REFERENCE):
            self.set_health(source, HealthState.HEALTHY)

    def set_health(self, source: Source, state: HealthState) -> None:
        self._keep(self.consolidator.set_health(source.name, state, 1))

    def apply(
        self, *parts: Trade | TopOfBook, source: Source = KRAKEN, late: float = 0
    ) -> Quote | None:
        """The quote after a tick of these parts."""
        new = tick(*parts, symbol="EURUSD", source=source, at=self.clock())
        new = structs.replace(new, late=timedelta(seconds=late))
        self._keep([self.consolidator.apply(new)])
        return self.quote

    def pass_seconds(self, seconds: float) -> Quote | None:
        """The quote after so many seconds without ticks."""
        self.clock.pass_seconds(seconds)
        self._keep(self.consolidator.review())
        return self.quote

    def _keep(self, quotes: list[Quote | None]) -> None:
        self.quote = next((quote for quote in quotes if quote is not None), self.quote)


def shown(quote: Quote | None) -> tuple[str, str, PriceClass, PriceBasis] | None:
    return quote and (f"{quote.last:f}", quote.source.name, quote.price_class, quote.price_basis)


# The rule


def test_the_price_of_a_book_is_its_mid() -> None:
    """Exactly halfway, with the book's time, and without a size."""
    timed = structs.replace(book("1.0918", "1.09185"), time=after(-1))
    priced = priced_by_mid(tick(timed), None, POLICY)

    assert Trade(Decimal("1.091825"), time=after(-1), basis=MID) == priced.trade
    assert timed is priced.book


@pytest.mark.parametrize(
    ("bid", "ask"),
    [
        ("1.0918", "1.0951"),
        ("1.0918", "1.0917"),
        ("0", "1.0918"),
        ("NaN", "1.0918"),
        ("1.0918", "Infinity"),
        ("-1.0918", "1.0918"),
    ],
)
def test_a_book_that_says_no_price_has_none(bid: str, ask: str) -> None:
    """It is wide, crossed, or no book at all; a trade beside it makes it no better."""
    wrong = tick(book(bid, ask), trade("1.0918", 7, "1000"))

    assert None is priced_by_mid(wrong, None, POLICY).trade
    assert None is Currencies().apply(book(bid, ask), trade("1.0918", 7, "1000"))


def test_an_old_book_has_no_price() -> None:
    """However close together its bid and ask are."""
    late = structs.replace(tick(book("1.0918", "1.0919")), late=timedelta(seconds=31))

    assert None is priced_by_mid(late, None, POLICY).trade


def test_a_trade_is_not_the_price_beside_a_book() -> None:
    """One order paid it somewhere."""
    held = SourceQuote.merge(priced_by_mid(tick(book("1.0918", "1.0919")), None, POLICY), None)

    assert None is priced_by_mid(tick(trade("1.05", 7, "1000")), held, POLICY).trade


def test_a_source_without_books_has_its_own_price() -> None:
    """Without a size it is no trade; a price that somebody wrote down is no mid."""
    update, sized = tick(trade("1.0918")), tick(trade("1.0918", 7, "1000"))
    fixed = tick(trade("1.0918"), source=LAST_RESORT)

    assert [MID, PriceBasis.TRADE, PriceBasis.TRADE] == [
        priced.trade.basis
        for priced in (priced_by_mid(given_tick, None, POLICY) for given_tick in (update, sized))
        if priced.trade
    ] + [fixed.trade.basis if fixed.trade else None]
    assert fixed is priced_by_mid(fixed, None, POLICY)


# In the consolidator


@pytest.mark.parametrize("source", [KRAKEN, MASSIVE], ids=lambda source: source.name)
def test_a_book_alone_makes_a_live_quote(source: Source) -> None:
    """Bid and ask are those that the mid is of; it says what it is."""
    quote = Currencies().apply(book("1.0918", "1.0920"), source=source)

    assert ("1.0919", source.name, LIVE, MID) == shown(quote)
    assert quote is not None
    assert (Decimal("1.0918"), Decimal("1.0920")) == (quote.bid, quote.ask)
    assert (None, None) == (quote.last_size, quote.trade_id)


def test_updates_without_a_book_are_live() -> None:
    """Finnhub sends prices of size zero, and neither bid nor ask."""
    quote = Currencies().apply(trade("1.0919", time=START), source=FINNHUB)

    assert ("1.0919", "finnhub", LIVE, MID) == shown(quote)
    assert quote is not None
    assert (None, None) == (quote.bid, quote.ask)


def test_a_reference_rate_is_no_trade() -> None:
    """It stays indicative, and gives way to a stream at once."""
    currencies = Currencies()

    assert ("1.09", "exchangerate_api", PriceClass.INDICATIVE, MID) == shown(
        currencies.apply(trade("1.09"), source=REFERENCE)
    )
    assert ("1.0919", "kraken", LIVE, MID) == shown(currencies.apply(book("1.0918", "1.0920")))


def test_a_wide_book_neither_moves_nor_confirms_the_price() -> None:
    """The last mid goes stale, while the books arrive, and the wide ones are kept to be seen."""
    currencies = Currencies()
    currencies.apply(book("1.0918", "1.0920"))
    for _ in range(4):
        currencies.clock.pass_seconds(8)
        currencies.apply(book("1.0900", "1.0940"))

    assert ("1.0919", "kraken", STALE, MID) == shown(currencies.pass_seconds(0))
    assert 4 == currencies.validator.rejected[RejectReason.WIDE]


def test_an_older_book_comes_too_late() -> None:
    """Neither its mid nor its bid and ask replace those of a later one."""
    currencies = Currencies()
    newer = structs.replace(book("1.0918", "1.0920"), time=after(0))
    older = structs.replace(book("1.0908", "1.0910"), time=after(-1))

    assert currencies.apply(newer, source=MASSIVE) is currencies.apply(older, source=MASSIVE)


def test_failover_between_the_streams() -> None:
    """Kraken, then Finnhub, then Massive, then the reference rate."""
    currencies, states = Currencies(), []
    currencies.apply(trade("1.09"), source=REFERENCE)
    currencies.apply(book("1.0918", "1.0920"), source=MASSIVE)
    currencies.apply(trade("1.0919"), source=FINNHUB)
    currencies.apply(book("1.0917", "1.0921"))
    currencies.pass_seconds(0)
    currencies.pass_seconds(POLICY.recovery_hold.total_seconds())
    for source in (KRAKEN, FINNHUB, MASSIVE):
        quote = currencies.pass_seconds(1)
        states.append(quote and quote.source.name)
        currencies.set_health(source, HealthState.DOWN)

    assert ["kraken", "finnhub", "massive_forex"] == states


def test_outside_the_week_the_price_of_the_close_stays() -> None:
    """Whoever still quotes."""
    currencies = Currencies(SATURDAY - timedelta(hours=14, seconds=2))
    before = currencies.apply(book("1.0918", "1.0920"))
    currencies.pass_seconds(3)
    after_close = currencies.apply(book("1.0818", "1.0820"))

    assert ("1.0919", "kraken", LIVE, MID) == shown(before)
    assert ("1.0919", "kraken", CLOSED, MID) == shown(after_close)


def test_without_a_price_of_the_close_the_newest_is_shown() -> None:
    """It is closed as well."""
    currencies = Currencies(SATURDAY)
    currencies.apply(book("1.0918", "1.0920"))
    currencies.pass_seconds(3)

    assert ("1.0819", "kraken", CLOSED, MID) == shown(currencies.apply(book("1.0818", "1.0820")))


# The property: a live mid is always that of a fresh book

PRICES = st.decimals(Decimal("1.05"), Decimal("1.13"), places=5)
SPREADS = st.sampled_from(["-0.00010", "0", "0.00001", "0.00050", "0.00300", "0.00340", "0.02"])


class Sent(Struct, frozen=True):
    """Seconds without ticks, and then one."""

    seconds: float
    source: Source
    bid: Decimal
    spread: str
    late: float
    traded: Decimal | None


BOOKS = st.builds(
    Sent,
    seconds=st.sampled_from([0.0, 0.5, 4.0, 11.0, 29.0, 31.0]),
    source=st.sampled_from([KRAKEN, MASSIVE]),
    bid=PRICES,
    spread=SPREADS,
    late=st.sampled_from([0.0, 0.0, 5.0, 29.0, 31.0, 3600.0]),
    traded=st.none() | PRICES,
)


@given(st.lists(BOOKS, max_size=30))
def test_a_live_mid_lies_within_a_fresh_book(ticks: list[Sent]) -> None:
    """Exactly in the middle of the bid and ask beside it, which are a book of this source, neither
    crossed nor wide nor older than the maximum age."""
    currencies = Currencies()
    newest: dict[tuple[str, Decimal | None, Decimal | None], datetime] = {}
    for sent in ticks:
        ask = sent.bid + Decimal(sent.spread)
        currencies.pass_seconds(sent.seconds)
        check_live(currencies, newest)
        made_at = currencies.clock() - timedelta(seconds=sent.late)
        key = (sent.source.name, sent.bid, ask)
        newest[key] = max(made_at, newest.get(key, made_at))
        parts = [TopOfBook(sent.bid, ask)]
        traded = [] if sent.traded is None else [Trade(sent.traded, Decimal(1000))]
        currencies.apply(*parts, *traded, source=sent.source, late=sent.late)
        check_live(currencies, newest)


def check_live(
    currencies: Currencies, newest: dict[tuple[str, Decimal | None, Decimal | None], datetime]
) -> None:
    quote = currencies.quote
    if quote is None or quote.price_class is not LIVE:
        return
    assert quote.bid is not None
    assert quote.ask is not None
    age = currencies.clock() - newest[quote.source.name, quote.bid, quote.ask]

    assert MID is quote.price_basis
    assert (Fraction(quote.bid) + Fraction(quote.ask)) / 2 == Fraction(quote.last)
    assert quote.bid <= quote.last <= quote.ask <= quote.bid * (1 + POLICY.max_spread)
    assert age <= POLICY.max_age


def test_other_classes_are_priced_by_trades() -> None:
    """A book beside a trade of a coin changes nothing of its price."""
    names = {"kraken": "BTC/USD"}
    consolidator = Consolidator(ManualClock(), Validator())
    consolidator.follow([instrument("BTC", provider_symbols=names)])
    both: Tick = tick(trade("100", 1, "1"), book("99", "102"), source=KRAKEN)
    quote = consolidator.apply(both)

    assert quote is not None
    assert (Decimal(100), PriceBasis.TRADE) == (quote.last, quote.price_basis)
