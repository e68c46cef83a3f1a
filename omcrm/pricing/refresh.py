"""Fetches prices at once on a user's request."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.engine.bus import EngineTopic
from omcrm.engine.elected_engine import ElectedEngine
from omcrm.engine.feed_engine import FeedEngine
from omcrm.feeds.price_query import NO_SOURCE, PriceResult
from omcrm.feeds.supervisor import Supervisor
from omcrm.market.feed_sentence import problem_sentence
from omcrm.market.feed_status import FeedStatus
from omcrm.market.price_class import PriceClass
from omcrm.pricing.upstream_query import UpstreamQuery, fetched_price, utc_now
from omcrm.services import services
from omcrm.storage.asset_price import StoredPrice, write_prices
from omcrm.storage.transaction import transaction
from omcrm.web.market_access import market_view, own_engine

# The request waits for the answer: for a stream that is starting, and then for the calls.
_SECONDS = 10.0
# Another process waits for that, and for one that asked before.
_ENGINE_WITHIN = 25.0
_LONGEST_START, _CHECK_EVERY = 3.0, 0.05
# Prices of a stream, which is faster than any poll.
_STREAMED = (PriceClass.LIVE, PriceClass.DELAYED)
# Used where no source answers: the last price of a closed market, and in a demo, or where a
# recording is played, what it has.
_PRESENT = (PriceClass.CLOSED, PriceClass.SIMULATED, PriceClass.REPLAYED)
# A source over HTTP that was asked so short a time ago would say the same again.
_RECENTLY = timedelta(minutes=1)


class RefreshFailure(Struct, frozen=True):
    """A symbol without a new price, and the reason."""

    symbol: str
    reason: str


class RefreshResult(Struct, frozen=True):
    """The result of each requested symbol, in the order of the request."""

    updated: list[StoredPrice]
    failed: list[RefreshFailure]


def refresh_prices(symbols: Iterable[str], *, starting: bool = False) -> RefreshResult:
    """Fetch the prices of these symbols now, within the quota, and write them to the database.

    It takes ten seconds at most, a little longer where the database is busy. A symbol with a
    streamed price gets that price without a call, and so does one whose price the feeds bring
    meanwhile, because they are starting or asking for it; `starting` is whether somebody has just
    begun to start them. Fetched prices are validated and published like all others. Needs an app
    context.
    """
    wanted, began, since = list(dict.fromkeys(symbols)), time.monotonic(), utc_now()
    view, engine = market_view(), own_engine()
    if engine is None:
        return _ask_engine(wanted)
    _wait_for_feeds(engine, wanted, since, starting=starting)
    shown = {symbol: _streamed(symbol, since) for symbol in wanted}
    prices = {symbol: price for symbol, price in shown.items() if price is not None}
    reasons = {symbol: "unknown symbol" for symbol in wanted if symbol not in view.instruments}
    left = [symbol for symbol in wanted if symbol not in prices and symbol not in reasons]
    query = UpstreamQuery(services().settings, _SECONDS - (time.monotonic() - began))
    try:
        instruments = [view.instruments[symbol] for symbol in left]
        for answer in query.prices(instruments, engine.consolidator, services().bus.publish):
            price = fetched_price(answer) or _present(answer.symbol, since)
            if price is None:
                reasons[answer.symbol] = _reason(engine, answer)
            else:
                prices[answer.symbol] = price
    finally:
        query.close()
    with transaction():
        services().fence()
        write_prices(prices.values(), utc_now())
    return RefreshResult(
        [prices[symbol] for symbol in wanted if symbol in prices],
        [RefreshFailure(symbol, reasons[symbol]) for symbol in wanted if symbol in reasons],
    )


def _ask_engine(symbols: Iterable[str]) -> RefreshResult:
    """What the engine of another process fetches; raises EngineUnreached."""
    other = services().engine
    assert isinstance(other, ElectedEngine)
    return other.other.ask(EngineTopic.REFRESH, tuple(symbols), RefreshResult, _ENGINE_WITHIN)


def _wait_for_feeds(
    engine: FeedEngine, symbols: Iterable[str], since: datetime, *, starting: bool
) -> None:
    """Wait shortly while the feeds are about to bring a price of these."""
    until, left = time.monotonic() + _LONGEST_START, list(symbols)
    while left and time.monotonic() < until:
        if engine.running or not starting:
            left = [symbol for symbol in left if _is_expected(engine, symbol, since)]
        if left:
            time.sleep(_CHECK_EVERY)


def _is_expected(engine: FeedEngine, symbol: str, since: datetime) -> bool:
    return _streamed(symbol, since) is None and engine.expects(symbol)


def _streamed(symbol: str, since: datetime) -> StoredPrice | None:
    """The price that the feeds have: a streamed one, or what was polled `since` then."""
    quote = market_view().cache.get(symbol)
    if quote is None:
        return None
    is_new = quote.price_class is PriceClass.INDICATIVE and quote.last_received_at >= since
    return StoredPrice.of(quote) if is_new or quote.price_class in _STREAMED else None


def _present(symbol: str, since: datetime) -> StoredPrice | None:
    """What is shown where no source answers, if it is a present price."""
    quote = market_view().cache.get(symbol)
    if quote is not None and quote.price_class in _PRESENT:
        return StoredPrice.of(quote)
    return _streamed(symbol, since - _RECENTLY)


def _reason(engine: FeedEngine, answer: PriceResult) -> str:
    """Why a symbol has no price: what is true of each of its sources."""
    feeds, status = engine.feeds(), engine.status()
    names = engine.instruments[answer.symbol].provider_symbols
    streams = [
        f"{name}: {_words(status[name])}"
        for name in names
        if isinstance(feeds.get(name), Supervisor)
    ]
    asked = [problem for problem in answer.problems if problem != NO_SOURCE]
    return "; ".join([*streams, *asked]) or NO_SOURCE


def _words(status: FeedStatus) -> str:
    if status.active:
        return "streams, but has no price of it lately"
    cause = "" if status.cause is None else f": {problem_sentence(status.cause)}"
    return f"{status.state}{cause}"
