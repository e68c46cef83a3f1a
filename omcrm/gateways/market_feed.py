"""The dialect of `/ws/market/feed`: actions in, quotes, trades, news and history out."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import cast, get_args

from msgspec import UNSET, structs

from omcrm.auth.credential import Unidentified, UnidentifiedReason
from omcrm.engine.market_view import MarketView
from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.inbound import Inbound
from omcrm.gateways.subscribers import NewsDelivery
from omcrm.gateways.trade_tape import TradeTape
from omcrm.market.instrument import canonical_symbols
from omcrm.market.quote import Quote
from omcrm.services import services
from omcrm.streaming.rate_limiter import TokenBucket
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.market_feed import (
    MARKET_FEED,
    MarketFeedError,
    MarketFeedHistory,
    MarketFeedMessage,
    MarketFeedNews,
    MarketFeedNotice,
    MarketFeedPing,
    MarketFeedPoint,
    MarketFeedPong,
    MarketFeedQuote,
    MarketFeedReload,
    MarketFeedResume,
    MarketFeedResumed,
    MarketFeedSubscribed,
    MarketFeedTrade,
    MarketFeedUnsubscribed,
    ServedChannel,
    Subscribe,
    Unsubscribe,
)
from omcrm.wire.user_event import EventsExpired, ResumeAnswer, UserMessage, UserNotice

# How many points of history a client may request: in a second, and at once.
_POINTS_A_SECOND, _POINTS = 2_500, 5_000

_INVALID = "Invalid subscription request"
_inbound: Inbound[Subscribe | Unsubscribe | MarketFeedPing | MarketFeedResume] = Inbound(
    MARKET_FEED,
    unknown="Unknown action",
    invalid={"subscribe": _INVALID, "unsubscribe": _INVALID, "ping": "Invalid ping"},
)
# This dialect's types of the messages about a user's events.
_OF_USER: dict[type[UserMessage], type[MarketFeedNotice | MarketFeedResumed | MarketFeedReload]] = {
    UserNotice: MarketFeedNotice,
    ResumeAnswer: MarketFeedResumed,
    EventsExpired: MarketFeedReload,
}


def _encode(message: MarketFeedMessage) -> str:
    return encoding.dumps(message)


class MarketFeed(Dialect):
    """Quotes, trades and news of the symbols that a client subscribes to."""

    channel = MARKET_FEED
    takes_events = True

    def __init__(self, market: MarketView) -> None:
        super().__init__(market)
        self._tape = TradeTape(market.hub, lambda quote: _encode(MarketFeedTrade.of(quote)))
        self._news = NewsDelivery(market.news, lambda item: _encode(MarketFeedNews.of(item)))

    def opened(self, client: ClientConnection) -> None:
        """Set up the budget for history; nothing is sent before the client's first message."""
        client.state = TokenBucket(_POINTS_A_SECOND, _POINTS)

    def received(self, client: ClientConnection, text: str) -> None:
        """Handle a subscribe, unsubscribe, resume or ping."""
        request = _inbound.read(text)
        if isinstance(request, Subscribe):
            self._subscribe(client, request)
        elif isinstance(request, Unsubscribe):
            self._unsubscribe(client, request)
        elif isinstance(request, MarketFeedResume):
            self._resume(client, request)
        else:
            client.send(_encode(MarketFeedPong(timestamp=iso(datetime.now(UTC)))))

    def error(self, refusal: MessageRefused) -> str:
        """An `error` message with a code, and the detail where there is one."""
        detail = refusal.detail or UNSET
        error = MarketFeedError(message=refusal.message, code=refusal.code, detail=detail)
        return _encode(error)

    def quote(self, quote: Quote) -> str:
        """A `quote` message."""
        return _encode(MarketFeedQuote.of(quote, self.market.instruments.get(quote.symbol)))

    def user_message(self, message: UserMessage) -> str:
        """A message about the events of the caller."""
        return _encode(_OF_USER[type(message)](**structs.asdict(message)))

    def closed(self, client: ClientConnection) -> None:
        """End the client's trades and news."""
        self._tape.remove(client)
        self._news.remove(client)

    def late_refusal(self, refused: Unidentified) -> str | None:
        """The reason of a close instead of HTTP 401: clients of this dialect read it there."""
        if refused.status != 401:
            return None
        is_missing = refused.reason is UnidentifiedReason.NONE_GIVEN
        return "Authentication token required" if is_missing else "Authentication failed"

    def _resume(self, client: ClientConnection, request: MarketFeedResume) -> None:
        if client.caller is None:
            raise MessageRefused(ErrorCode.AUTHENTICATION_REQUIRED, "Authentication required")
        services().user_events.resume(client, request)

    def _subscribe(self, client: ClientConnection, request: Subscribe) -> None:
        channels, missing = self._split(request.channels)
        symbols = canonical_symbols(request.symbols)
        known = [symbol for symbol in symbols if symbol in self.market.instruments]
        accepted, beyond = client.accept(known) if channels else ([], [])
        if accepted:
            subscribed = MarketFeedSubscribed(
                symbols=accepted,
                level=request.level,
                channels=channels,
                total_subscriptions=len(client.subscriptions),
            )
            client.send(_encode(subscribed))
        unknown = [symbol for symbol in symbols if symbol not in known]
        for error in _subscription_errors(client, missing, unknown, beyond):
            client.send(_encode(error))
        if "quotes" in channels:
            client.subscribe(accepted)
        if "trades" in channels:
            quotes = [self.market.cache.get(symbol) for symbol in accepted]
            self._tape.subscribe(client, accepted, [quote for quote in quotes if quote is not None])
        if "news" in channels:
            self._news.subscribe(client, accepted)
        if request.history and accepted:
            self._send_history(client, accepted, request.history)

    def _split(self, requested: Iterable[str]) -> tuple[list[ServedChannel], list[str]]:
        """The channels that are served, and the others."""
        served = {*get_args(ServedChannel)} - (set() if self._news.is_served else {"news"})
        channels = dict.fromkeys(requested)
        return (
            cast("list[ServedChannel]", [channel for channel in channels if channel in served]),
            [channel for channel in channels if channel not in served],
        )

    def _send_history(self, client: ClientConnection, symbols: list[str], minutes: int) -> None:
        """Send the last points of each symbol, within a budget: they cost more than answers."""
        if not client.state.take(len(symbols) * minutes, time.monotonic()):
            message = f"Too much history: {_POINTS} points at once, {_POINTS_A_SECOND} a second"
            code = ErrorCode.HISTORY_LIMIT_EXCEEDED
            client.send(_encode(MarketFeedError(message=message, code=code, symbols=symbols)))
            return
        for symbol in symbols:
            client.send_latest(("history", symbol), partial(self._history, symbol, minutes))

    def _unsubscribe(self, client: ClientConnection, request: Unsubscribe) -> None:
        known = client.subscriptions | self.market.instruments.keys()
        symbols = [symbol for symbol in canonical_symbols(request.symbols) if symbol in known]
        client.unsubscribe(symbols)
        self._tape.unsubscribe(client, symbols)
        self._news.unsubscribe(client, symbols)
        client.release(symbols)
        total = len(client.subscriptions)
        client.send(_encode(MarketFeedUnsubscribed(symbols=symbols, total_subscriptions=total)))

    def _history(self, symbol: str, minutes: int) -> str:
        """The last minutes traded at the active source; minutes without trades are absent."""
        quote = self.market.cache.get(symbol)
        source = quote.source.name if quote else ""
        candles = self.market.bars.series(symbol, source, "1m", minutes)
        history = MarketFeedHistory(
            symbol=symbol,
            timeframe="1m",
            source=source or None,
            data=[MarketFeedPoint.of(bar) for bar in candles],
        )
        return _encode(history)


def _subscription_errors(
    client: ClientConnection, missing: list[str], unknown: list[str], beyond: list[str]
) -> Iterable[MarketFeedError]:
    """One error for each reason for which channels or symbols were not subscribed."""
    if missing:
        message = f"Nothing brings these channels: {', '.join(missing)}"
        code = ErrorCode.CHANNEL_UNAVAILABLE
        yield MarketFeedError(message=message, code=code, channels=missing)
    if unknown:
        message = f"Unknown symbols: {', '.join(unknown[:5])}"
        yield MarketFeedError(message=message, code=ErrorCode.UNKNOWN_SYMBOL, symbols=unknown)
    if beyond:
        most = client.limits.subscriptions
        message = f"Symbol limit exceeded ({most}): unsubscribe from some first"
        yield MarketFeedError(message=message, code=ErrorCode.SYMBOL_LIMIT_EXCEEDED, symbols=beyond)
