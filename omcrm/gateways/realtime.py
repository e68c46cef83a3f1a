"""The dialect of `/ws/realtime/`: assets and the caller's portfolios, in envelopes."""

import time
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import UNSET

from omcrm.auth.permission import Permission
from omcrm.engine.market_view import MarketView
from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.portfolio_delivery import PortfolioDelivery
from omcrm.gateways.portfolio_figures import portfolio_update, portfolio_value
from omcrm.gateways.realtime_message import DENIED, inbound
from omcrm.market.instrument import canonical_symbol
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.services import services
from omcrm.storage.portfolio import count_holdings, find_portfolio
from omcrm.streaming.rate_limiter import TokenBucket
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.realtime import (
    REALTIME,
    RealtimeAssetPrice,
    RealtimeAssetUpdate,
    RealtimeConnection,
    RealtimeError,
    RealtimeGreeting,
    RealtimeMoment,
    RealtimeNotice,
    RealtimePong,
    RealtimeReload,
    RealtimeResumed,
    RealtimeSent,
    RealtimeSubscription,
    RealtimeSubscriptionConfirmed,
    RealtimeUnsubscriptionConfirmed,
    RealtimeWrong,
)
from omcrm.wire.realtime_asset import RealtimeAssetFigures, RealtimeAssetPriceNow
from omcrm.wire.realtime_request import (
    GetAssetPrice,
    RealtimePing,
    RealtimeResume,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
)
from omcrm.wire.user_event import ResumeAnswer, UserMessage, UserNotice

ASSET: Final = "asset"
PORTFOLIO: Final = "portfolio"
"""The kinds of subscriptions: the first element of a subscription's key."""

# How many holdings a client may have valued on request: in a second, and at once.
_HOLDINGS_A_SECOND, _HOLDINGS = 500, 2_000
# How many characters of an unknown symbol are sent back.
_SHOWN = 20


def _encode(message: RealtimeSent) -> str:
    return encoding.dumps(message)


class Realtime(Dialect):
    """Prices of assets for every client, values of portfolios for their owners."""

    channel = REALTIME
    takes_events = True

    def __init__(self, market: MarketView) -> None:
        super().__init__(market)
        self._portfolios = PortfolioDelivery(
            market.hub, market.bus, portfolio_update, _send_deleted
        )

    def opened(self, client: ClientConnection) -> None:
        """Send `connection` with the client's id and user."""
        client.state, caller = TokenBucket(_HOLDINGS_A_SECOND, _HOLDINGS), client.caller
        greeting = RealtimeGreeting(
            status="connected",
            connection_id=client.id,
            authenticated=caller is not None,
            user_id=None if caller is None else caller.user_id,
        )
        _send(client, RealtimeConnection.of(greeting))

    def received(self, client: ClientConnection, text: str) -> None:
        """Handle a message."""
        request = inbound.read(text)
        if isinstance(request, RealtimePing):
            _send(client, RealtimePong.of(RealtimeMoment(timestamp=iso(datetime.now(UTC)))))
        elif isinstance(request, RealtimeResume):
            self._resume(client, request)
        elif isinstance(request, SubscribeAsset | UnsubscribeAsset | GetAssetPrice):
            self._about_asset(client, request)
        else:
            self._about_portfolio(client, request)

    def error(self, refusal: MessageRefused) -> str:
        """An `error` message with a code, and the detail where there is one."""
        detail = refusal.detail or UNSET
        wrong = RealtimeWrong(message=refusal.message, code=refusal.code, detail=detail)
        return _encode(RealtimeError.of(wrong))

    def quote(self, quote: Quote) -> str:
        """An `asset_update` message."""
        return _encode(RealtimeAssetUpdate.of(self._figures(quote)))

    def facts(self, quote: Quote) -> Hashable:
        """All fields of the update except its times and its number."""
        return self._figures(quote).without_times()

    def _figures(self, quote: Quote) -> RealtimeAssetFigures:
        return RealtimeAssetFigures.of(quote, self.market.instruments.get(quote.symbol))

    def closed(self, client: ClientConnection) -> None:
        """End the client's portfolio updates."""
        self._portfolios.remove(client)

    def user_message(self, message: UserMessage) -> str:
        """A message about the events of the caller, in an envelope."""
        if isinstance(message, UserNotice):
            return _encode(RealtimeNotice.of(message))
        if isinstance(message, ResumeAnswer):
            return _encode(RealtimeResumed.of(message))
        return _encode(RealtimeReload.of(message))

    def _resume(self, client: ClientConnection, request: RealtimeResume) -> None:
        if client.caller is None:
            _refuse(client, ErrorCode.AUTHENTICATION_REQUIRED, "Authentication required")
            return
        services().user_events.resume(client, request.data)

    # Assets

    def _about_asset(self, client: ClientConnection, request: Any) -> None:
        symbol = canonical_symbol(request.data.symbol)
        is_held = (ASSET, symbol) in client.subscriptions
        if symbol not in self.market.instruments and not is_held:
            message = f"Unknown symbol: {symbol[:_SHOWN]}"
            _refuse(client, ErrorCode.UNKNOWN_SYMBOL, message, symbol=symbol[:_SHOWN])
        elif isinstance(request, SubscribeAsset):
            self._subscribe_asset(client, symbol)
        elif isinstance(request, UnsubscribeAsset):
            client.unsubscribe([symbol])
            client.release([(ASSET, symbol)])
            subscription = RealtimeSubscription(type=ASSET, symbol=symbol)
            _send(client, RealtimeUnsubscriptionConfirmed.of(subscription))
        else:
            _send(client, RealtimeAssetPrice.of(self._price_now(symbol)))

    def _price_now(self, symbol: str) -> RealtimeAssetPriceNow:
        quote = self.market.cache.get(symbol)
        if quote is None:
            return RealtimeAssetPriceNow.unknown(symbol)
        timeout = services().settings.realtime_cache_timeout
        return RealtimeAssetPriceNow.of(quote, datetime.now(UTC), timeout)

    def _subscribe_asset(self, client: ClientConnection, symbol: str) -> None:
        if not _accepted(client, (ASSET, symbol), symbol=symbol):
            return
        subscription = RealtimeSubscription(type=ASSET, symbol=symbol)
        _send(client, RealtimeSubscriptionConfirmed.of(subscription))
        if self.market.cache.get(symbol) is None:
            # The client gets an answer at once, although there is no price yet.
            _send(client, RealtimeAssetUpdate.of(RealtimeAssetFigures.unknown(symbol)))
        client.subscribe([symbol])

    # Portfolios

    def _about_portfolio(self, client: ClientConnection, request: Any) -> None:
        portfolio_id = int(request.data.portfolio_id)
        if isinstance(request, UnsubscribePortfolio) and _key(portfolio_id) in client.subscriptions:
            self._unsubscribe_portfolio(client, portfolio_id)
            return
        if not _may_see(client, portfolio_id):
            return
        if isinstance(request, SubscribePortfolio):
            self._subscribe_portfolio(client, portfolio_id)
        elif isinstance(request, UnsubscribePortfolio):
            self._unsubscribe_portfolio(client, portfolio_id)
        else:
            _send_value(client, portfolio_id)

    def _subscribe_portfolio(self, client: ClientConnection, portfolio_id: int) -> None:
        if not _accepted(client, _key(portfolio_id), portfolio_id=portfolio_id):
            return
        subscription = RealtimeSubscription(type=PORTFOLIO, portfolio_id=portfolio_id)
        _send(client, RealtimeSubscriptionConfirmed.of(subscription))
        self._portfolios.subscribe(client, _user(client), portfolio_id)

    def _unsubscribe_portfolio(self, client: ClientConnection, portfolio_id: int) -> None:
        self._portfolios.unsubscribe(client, _user(client), portfolio_id)
        client.release([_key(portfolio_id)])
        subscription = RealtimeSubscription(type=PORTFOLIO, portfolio_id=portfolio_id)
        _send(client, RealtimeUnsubscriptionConfirmed.of(subscription))


def _send(client: ClientConnection, message: RealtimeSent) -> None:
    client.send(_encode(message))


def _refuse(client: ClientConnection, code: ErrorCode, message: str, **about: Any) -> None:
    _send(client, RealtimeError.of(RealtimeWrong(message=message, code=code, **about)))


def _send_value(client: ClientConnection, portfolio_id: int) -> None:
    count = 1 + count_holdings(portfolio_id)
    if not client.state.take(count, time.monotonic()):
        message = "Too many valuations: subscribe instead of asking again and again"
        _refuse(client, ErrorCode.RATE_LIMITED, message, portfolio_id=portfolio_id)
        return
    portfolio = service.portfolio_of(_user(client), portfolio_id)
    if portfolio is None:
        _deny(client, portfolio_id)
        return
    _send(client, portfolio_value(service.valuation_of(portfolio)))


def _key(portfolio_id: int) -> tuple[str, int]:
    return PORTFOLIO, portfolio_id


def _accepted(client: ClientConnection, key: tuple[str, str | int], **about: Any) -> bool:
    """Count a subscription; sends an error and returns False where the limit is reached."""
    if client.accept([key])[0]:
        return True
    message = f"Subscription limit reached ({client.limits.subscriptions})"
    _refuse(client, ErrorCode.LIMIT_EXCEEDED, message, **about)
    return False


def _may_see(client: ClientConnection, portfolio_id: int) -> bool:
    """Whether it is the caller's own portfolio; sends an error where it is not.

    Somebody else's is refused like one that does not exist; for a token without the scope nothing
    is looked up.
    """
    caller = client.caller
    if caller is None:
        _refuse(client, ErrorCode.AUTHENTICATION_REQUIRED, "Authentication required")
        return False
    if not caller.may(Permission.PORTFOLIO_READ):
        detail = f"This needs a token with the scope {Permission.PORTFOLIO_READ}."
        _refuse(client, ErrorCode.INSUFFICIENT_SCOPE, DENIED, detail=detail)
        return False
    if find_portfolio(caller.user_id, portfolio_id) is None:
        _deny(client, portfolio_id)
        return False
    return True


def _deny(client: ClientConnection, portfolio_id: int) -> None:
    _refuse(client, ErrorCode.ACCESS_DENIED, DENIED, portfolio_id=portfolio_id)


def _user(client: ClientConnection) -> int:
    assert client.caller is not None, "only callers have portfolios"
    return client.caller.user_id


def _send_deleted(client: ClientConnection, portfolio_id: int) -> None:
    """Release the subscription to a deleted portfolio and report it."""
    client.release([_key(portfolio_id)])
    _deny(client, portfolio_id)
