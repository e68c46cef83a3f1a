"""The dialect of `/ws/realtime/`: assets and the caller's portfolios, in envelopes."""

import time
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from omcrm.auth.permission import Permission
from omcrm.engine.market_view import MarketView
from omcrm.errors import MessageRefused
from omcrm.gateways.asset_figures import asset_figures, asset_price
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.portfolio_delivery import PortfolioDelivery
from omcrm.gateways.realtime_message import (
    DENIED,
    AboutAsset,
    RealtimePing,
    RealtimeResume,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
    inbound,
)
from omcrm.market.currency import money
from omcrm.market.instrument import canonical_symbol
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.portfolio.valuation import Valuation
from omcrm.services import services
from omcrm.storage.portfolio import count_holdings, find_portfolio
from omcrm.streaming.rate_limiter import TokenBucket
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import UserMessage

ASSET, PORTFOLIO = "asset", "portfolio"
"""The kinds of subscriptions: the first element of a subscription's key."""

# How many holdings a client may have valued on request: in a second, and at once.
_HOLDINGS_A_SECOND, _HOLDINGS = 500, 2_000
# Fields that change although the price does not.
_TIMES = frozenset(("timestamp", "provider_time", "seq"))
# How many characters of an unknown symbol are sent back.
_SHOWN = 20

# Outbound messages


def envelope(kind: str, data: dict[str, Any]) -> str:
    """A message with the current time."""
    return encoding.dumps({"type": kind, "data": data, "timestamp": iso(datetime.now(UTC))})


def portfolio_update(valuation: Valuation) -> str:
    """A `portfolio_update`: the value of a portfolio and its coverage; unknown values are None."""
    data = {
        "portfolio_id": valuation.portfolio_id,
        "name": valuation.name,
        "total_value": money(valuation.total_value, valuation.currency),
        "daily_change": money(valuation.daily_change, valuation.currency),
        "daily_change_percent": valuation.daily_change_percent,
        "updated_at": iso(valuation.valued_at),
        "currency": valuation.currency,
        "version": valuation.version,
        "coverage": coverage(valuation),
    }
    return envelope("portfolio_update", data)


def coverage(valuation: Valuation) -> dict[str, Any]:
    """How much of a value is live, and how many holdings lack a value or change; counts only."""
    covered = valuation.coverage
    return {
        "live_percent": covered.live_percent,
        "is_complete": covered.is_complete,
        "holdings": len(valuation.holdings),
        "without_value": len(covered.missing),
        "without_daily_change": len(valuation.no_daily_change),
        "classes": {share.price_class.value: share.count for share in covered.classes},
    }


def _error(code: ErrorCode, message: str, **more: Any) -> str:
    present = {name: value for name, value in more.items() if value is not None}
    return envelope("error", {"message": message, "code": code, **present})


class Realtime(Dialect):
    """Prices of assets for every client, values of portfolios for their owners."""

    name = "realtime"
    path = "/ws/realtime/"
    takes_events = True

    def __init__(self, market: MarketView) -> None:
        super().__init__(market)
        self._portfolios = PortfolioDelivery(
            market.hub, market.bus, portfolio_update, _send_deleted
        )

    def opened(self, client: ClientConnection) -> None:
        """Send `connection` with the client's id and user."""
        client.state, caller = TokenBucket(_HOLDINGS_A_SECOND, _HOLDINGS), client.caller
        greeting = {
            "status": "connected",
            "connection_id": client.id,
            "authenticated": caller is not None,
            "user_id": None if caller is None else caller.user_id,
        }
        client.send(envelope("connection", greeting))

    def received(self, client: ClientConnection, text: str) -> None:
        """Handle a message."""
        request = inbound.read(text)
        if isinstance(request, RealtimePing):
            client.send(envelope("pong", {"timestamp": iso(datetime.now(UTC))}))
        elif isinstance(request, RealtimeResume):
            self._resume(client, request)
        elif isinstance(request, AboutAsset):
            self._about_asset(client, request)
        else:
            self._about_portfolio(client, request)

    def error(self, refusal: MessageRefused) -> str:
        """An `error` message with a code, and the detail where there is one."""
        return _error(refusal.code, refusal.message, detail=refusal.detail)

    def quote(self, quote: Quote) -> str:
        """An `asset_update` message."""
        return envelope("asset_update", self._figures(quote))

    def facts(self, quote: Quote) -> Hashable:
        """All fields of the update except its times and its number."""
        return tuple([fact for name, fact in self._figures(quote).items() if name not in _TIMES])

    def _figures(self, quote: Quote) -> dict[str, Any]:
        return asset_figures(quote.symbol, quote, self.market.instruments.get(quote.symbol))

    def closed(self, client: ClientConnection) -> None:
        """End the client's portfolio updates."""
        self._portfolios.remove(client)

    def user_message(self, kind: str, body: UserMessage) -> str:
        """A message about the events of the caller, in an envelope."""
        return envelope(kind, structs.asdict(body))

    def _resume(self, client: ClientConnection, request: RealtimeResume) -> None:
        if client.caller is None:
            client.send(_error(ErrorCode.AUTHENTICATION_REQUIRED, "Authentication required"))
            return
        services().user_events.resume(client, request.data)

    # Assets

    def _about_asset(self, client: ClientConnection, request: Any) -> None:
        symbol = canonical_symbol(request.data.symbol)
        is_held = (ASSET, symbol) in client.subscriptions
        if symbol not in self.market.instruments and not is_held:
            message = f"Unknown symbol: {symbol[:_SHOWN]}"
            client.send(_error(ErrorCode.UNKNOWN_SYMBOL, message, symbol=symbol[:_SHOWN]))
        elif isinstance(request, SubscribeAsset):
            self._subscribe_asset(client, symbol)
        elif isinstance(request, UnsubscribeAsset):
            client.unsubscribe([symbol])
            client.release([(ASSET, symbol)])
            client.send(envelope("unsubscription_confirmed", {"type": ASSET, "symbol": symbol}))
        else:
            now, timeout = datetime.now(UTC), services().settings.realtime_cache_timeout
            held = self.market.cache.get(symbol)
            client.send(envelope("asset_price", asset_price(symbol, held, now, timeout)))

    def _subscribe_asset(self, client: ClientConnection, symbol: str) -> None:
        if not _accepted(client, (ASSET, symbol), symbol=symbol):
            return
        client.send(envelope("subscription_confirmed", {"type": ASSET, "symbol": symbol}))
        if self.market.cache.get(symbol) is None:
            # The client gets an answer at once, although there is no price yet.
            client.send(envelope("asset_update", asset_figures(symbol, None, None)))
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
        data = {"type": PORTFOLIO, "portfolio_id": portfolio_id}
        client.send(envelope("subscription_confirmed", data))
        self._portfolios.subscribe(client, _user(client), portfolio_id)

    def _unsubscribe_portfolio(self, client: ClientConnection, portfolio_id: int) -> None:
        self._portfolios.unsubscribe(client, _user(client), portfolio_id)
        client.release([_key(portfolio_id)])
        data = {"type": PORTFOLIO, "portfolio_id": portfolio_id}
        client.send(envelope("unsubscription_confirmed", data))


def _send_value(client: ClientConnection, portfolio_id: int) -> None:
    count = 1 + count_holdings(portfolio_id)
    if not client.state.take(count, time.monotonic()):
        message = "Too many valuations: subscribe instead of asking again and again"
        client.send(_error(ErrorCode.RATE_LIMITED, message, portfolio_id=portfolio_id))
        return
    portfolio = service.portfolio_of(_user(client), portfolio_id)
    if portfolio is None:
        _deny(client, portfolio_id)
        return
    valuation = service.valuation_of(portfolio)
    data = {
        "portfolio_id": portfolio_id,
        "value": money(valuation.total_value, valuation.currency),
        "timestamp": iso(valuation.valued_at),
        "currency": valuation.currency,
        "coverage": coverage(valuation),
    }
    client.send(envelope("portfolio_value", data))


def _key(portfolio_id: int) -> tuple[str, int]:
    return PORTFOLIO, portfolio_id


def _accepted(client: ClientConnection, key: tuple[str, str | int], **about: Any) -> bool:
    """Count a subscription; sends an error and returns False where the limit is reached."""
    if client.accept([key])[0]:
        return True
    message = f"Subscription limit reached ({client.limits.subscriptions})"
    client.send(_error(ErrorCode.LIMIT_EXCEEDED, message, **about))
    return False


def _may_see(client: ClientConnection, portfolio_id: int) -> bool:
    """Whether it is the caller's own portfolio; sends an error where it is not.

    Somebody else's is refused like one that does not exist; for a token without the scope nothing
    is looked up.
    """
    caller = client.caller
    if caller is None:
        client.send(_error(ErrorCode.AUTHENTICATION_REQUIRED, "Authentication required"))
        return False
    if not caller.may(Permission.PORTFOLIO_READ):
        detail = f"This needs a token with the scope {Permission.PORTFOLIO_READ}."
        client.send(_error(ErrorCode.INSUFFICIENT_SCOPE, DENIED, detail=detail))
        return False
    if find_portfolio(caller.user_id, portfolio_id) is None:
        _deny(client, portfolio_id)
        return False
    return True


def _deny(client: ClientConnection, portfolio_id: int) -> None:
    client.send(_error(ErrorCode.ACCESS_DENIED, DENIED, portfolio_id=portfolio_id))


def _user(client: ClientConnection) -> int:
    assert client.caller is not None, "only callers have portfolios"
    return client.caller.user_id


def _send_deleted(client: ClientConnection, portfolio_id: int) -> None:
    """Release the subscription to a deleted portfolio and report it."""
    client.release([_key(portfolio_id)])
    _deny(client, portfolio_id)
