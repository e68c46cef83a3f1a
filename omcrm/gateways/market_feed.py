"""The dialect of `/ws/market/feed`: actions in, quotes, trades, news and history out."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from omcrm.auth.credential import Unidentified, UnidentifiedReason
from omcrm.engine.market_view import MarketView
from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.inbound import Inbound
from omcrm.gateways.subscribers import NewsDelivery
from omcrm.gateways.trade_tape import TradeTape
from omcrm.market.bar import KEPT
from omcrm.market.instrument import Instrument, canonical_symbols
from omcrm.market.news_item import NewsItem
from omcrm.market.quote import Quote
from omcrm.services import services
from omcrm.streaming.rate_limiter import TokenBucket
from omcrm.web.news import news_body
from omcrm.wire import encoding
from omcrm.wire.desk import DeskCandle
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import ResumeAfter, UserMessage

# How many points of history a client may request: in a second, and at once.
_POINTS_A_SECOND, _POINTS = 2_500, 5_000

# Inbound messages

Symbol = Annotated[str, Meta(min_length=1, max_length=20)]
# Far above any limit on subscriptions, so that the symbols beyond the limit can be named.
Symbols = Annotated[list[Symbol], Meta(min_length=1, max_length=1000)]
Channel = Literal["quotes", "trades", "level2", "news", "alerts"]


class Subscribe(Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Subscribe to symbols; `level` is only sent back, `history` is a number of minutes."""

    symbols: Symbols
    level: Literal["basic", "advanced"] = "basic"
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=50)] = ("quotes",)
    history: Annotated[int, Meta(ge=0, le=KEPT)] = 0


class Unsubscribe(Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Unsubscribe from these symbols on every channel."""

    symbols: Symbols


class MarketFeedPing(Struct, frozen=True, tag_field="action", tag="ping"):
    """Ask for a `pong`."""


class MarketFeedResume(ResumeAfter, frozen=True, tag_field="action", tag="resume"):
    """Ask for the events to the caller after the number `since`; without it, from now on."""


_INVALID = "Invalid subscription request"
_inbound: Inbound[Subscribe | Unsubscribe | MarketFeedPing | MarketFeedResume] = Inbound(
    Subscribe | Unsubscribe | MarketFeedPing | MarketFeedResume,
    unknown="Unknown action",
    invalid={"subscribe": _INVALID, "unsubscribe": _INVALID, "ping": "Invalid ping"},
)

# Outbound messages


def quote_body(quote: Quote, instrument: Instrument | None) -> dict[str, Any]:
    """The body of a quote; `volume`, `dayChange`, `dayChangePercent` are of the source's day."""
    return {
        "type": "quote",
        "symbol": quote.symbol,
        "price": quote.last,
        "bid": quote.bid,
        "ask": quote.ask,
        "bidSize": quote.bid_size,
        "askSize": quote.ask_size,
        "volume": quote.volume,
        "dayChange": day_change(quote, instrument),
        "dayChangePercent": quote.change_percent,
        "timestamp": iso(quote.received_at),
        "source": quote.source.name,
        "price_class": quote.price_class.value,
        "provider_time": iso(quote.provider_time),
        "seq": quote.seq,
    }


def day_change(quote: Quote, instrument: Instrument | None) -> Decimal | None:
    """The change since 24 hours ago for crypto, since the previous close for others.

    Rounded to the instrument's decimals; None where the source does not report the earlier price.
    """
    change = quote.change
    return None if change is None or instrument is None else round(change, instrument.decimals)


def _encode_trade(quote: Quote) -> str:
    return encoding.dumps(
        {
            "type": "trade",
            "symbol": quote.symbol,
            "price": quote.last,
            "size": quote.last_size,
            "timestamp": iso(quote.provider_time or quote.received_at),
            "source": quote.source.name,
            "price_class": quote.price_class.value,
        }
    )


def _encode_news(item: NewsItem) -> str:
    return encoding.dumps({"type": "news", **news_body(item)})


class MarketFeed(Dialect):
    """Quotes, trades and news of the symbols that a client subscribes to."""

    name = "market_feed"
    path = "/ws/market/feed"
    takes_events = True

    def __init__(self, market: MarketView) -> None:
        super().__init__(market)
        self._tape = TradeTape(market.hub, _encode_trade)
        self._news = NewsDelivery(market.news, _encode_news)

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
            client.send(encoding.dumps({"type": "pong", "timestamp": iso(datetime.now(UTC))}))

    def error(self, refusal: MessageRefused) -> str:
        """An `error` message with a code, and the detail where there is one."""
        return _error(refusal.code, refusal.message, detail=refusal.detail)

    def quote(self, quote: Quote) -> str:
        """A `quote` message."""
        return encoding.dumps(quote_body(quote, self.market.instruments.get(quote.symbol)))

    def user_message(self, kind: str, body: UserMessage) -> str:
        """A message about the events of the caller."""
        return encoding.dumps({"type": kind, **structs.asdict(body)})

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
        served = {"quotes", "trades", *(["news"] if self._news.is_served else [])}
        channels = [channel for channel in dict.fromkeys(request.channels) if channel in served]
        symbols = canonical_symbols(request.symbols)
        known = [symbol for symbol in symbols if symbol in self.market.instruments]
        accepted, beyond = client.accept(known) if channels else ([], [])
        if accepted:
            client.send(
                encoding.dumps(
                    {
                        "type": "subscribed",
                        "symbols": accepted,
                        "level": request.level,
                        "channels": channels,
                        "total_subscriptions": len(client.subscriptions),
                    }
                )
            )
        if missing := [
            channel for channel in dict.fromkeys(request.channels) if channel not in served
        ]:
            message = f"Nothing brings these channels: {', '.join(missing)}"
            client.send(_error(ErrorCode.CHANNEL_UNAVAILABLE, message, channels=missing))
        for error in _subscription_errors(
            client, [symbol for symbol in symbols if symbol not in known], beyond
        ):
            client.send(error)
        if "quotes" in channels:
            client.subscribe(accepted)
        if "trades" in channels:
            quotes = [self.market.cache.get(symbol) for symbol in accepted]
            self._tape.subscribe(client, accepted, [quote for quote in quotes if quote is not None])
        if "news" in channels:
            self._news.subscribe(client, accepted)
        if request.history and accepted:
            self._send_history(client, accepted, request.history)

    def _send_history(self, client: ClientConnection, symbols: list[str], minutes: int) -> None:
        """Send the last points of each symbol, within a budget: they cost more than answers."""
        if not client.state.take(len(symbols) * minutes, time.monotonic()):
            message = f"Too much history: {_POINTS} points at once, {_POINTS_A_SECOND} a second"
            client.send(_error(ErrorCode.HISTORY_LIMIT_EXCEEDED, message, symbols=symbols))
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
        client.send(
            encoding.dumps(
                {"type": "unsubscribed", "symbols": symbols, "total_subscriptions": total}
            )
        )

    def _history(self, symbol: str, minutes: int) -> str:
        """The last minutes traded at the active source; minutes without trades are absent."""
        quote = self.market.cache.get(symbol)
        source = quote.source.name if quote else ""
        candles = self.market.bars.series(symbol, source, "1m", minutes)
        data = [{**structs.asdict(DeskCandle.of(bar)), "price": bar.close} for bar in candles]
        about = {"type": "history", "symbol": symbol, "timeframe": "1m", "source": source or None}
        return encoding.dumps({**about, "data": data})


def _subscription_errors(
    client: ClientConnection, unknown: list[str], beyond: list[str]
) -> Iterable[str]:
    """One error for each reason for which symbols were not subscribed."""
    if unknown:
        message = f"Unknown symbols: {', '.join(unknown[:5])}"
        yield _error(ErrorCode.UNKNOWN_SYMBOL, message, symbols=unknown)
    if beyond:
        message = (
            f"Symbol limit exceeded ({client.limits.subscriptions}): unsubscribe from some first"
        )
        yield _error(ErrorCode.SYMBOL_LIMIT_EXCEEDED, message, symbols=beyond)


def _error(code: ErrorCode, message: str, **more: Any) -> str:
    present = {name: value for name, value in more.items() if value is not None}
    return encoding.dumps({"type": "error", "message": message, "code": code, **present})
