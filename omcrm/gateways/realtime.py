"""The dialect of `/ws/realtime/`: assets and the caller's portfolios, each in an envelope."""

import time
import uuid
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from msgspec import Struct, field

from omcrm.auth.scope import Scope
from omcrm.errors import MessageRefused
from omcrm.gateways.asset_figures import asset_figures, asset_price
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.portfolio_delivery import PortfolioDelivery
from omcrm.gateways.realtime_message import (
    DENIED,
    AboutAsset,
    RealtimePing,
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
from omcrm.storage.portfolio import count_holdings, find_portfolio
from omcrm.streaming import wire
from omcrm.streaming.price_update import iso
from omcrm.streaming.rate_limiter import TokenBucket
from omcrm.web.market_access import MarketAccess

ASSET, PORTFOLIO = "asset", "portfolio"
"""What can be subscribed to: the first part of a subscription's key."""

# How many holdings a client may have valued by asking: in a second, and at once.
_HOLDINGS_A_SECOND, _HOLDINGS = 500, 2_000
# When a price came, and nothing of the price.
_TIMES = frozenset(("timestamp", "provider_time", "seq"))
# So much of what a client takes for a symbol is told back to it.
_SHOWN = 20

# What they are told


def envelope(kind: str, data: dict[str, Any]) -> str:
    """A message of this moment."""
    return wire.dumps({"type": kind, "data": data, "timestamp": iso(datetime.now(UTC))})


def portfolio_update(worth: Valuation) -> str:
    """What a portfolio is worth, with how far that may be trusted; None for what is not known."""
    data = {
        "portfolio_id": worth.portfolio_id,
        "name": worth.name,
        "total_value": money(worth.total_value, worth.currency),
        "daily_change": money(worth.daily_change, worth.currency),
        "daily_change_percent": worth.daily_change_percent,
        "updated_at": iso(worth.valued_at),
        "currency": worth.currency,
        "version": worth.version,
        "coverage": coverage(worth),
    }
    return envelope("portfolio_update", data)


def coverage(worth: Valuation) -> dict[str, Any]:
    """How much of a value is live, and how many holdings are missing from what; no list is long."""
    covered = worth.coverage
    return {
        "live_percent": covered.live_percent,
        "is_complete": covered.is_complete,
        "holdings": len(worth.holdings),
        "without_value": len(covered.missing),
        "without_daily_change": len(worth.no_daily_change),
        "classes": {share.price_class.value: share.count for share in covered.classes},
    }


def _error(code: str, message: str, **more: Any) -> str:
    told = {name: value for name, value in more.items() if value is not None}
    return envelope("error", {"message": message, "code": code, **told})


class ClientState(Struct):
    """What is remembered of a client."""

    holdings: TokenBucket = field(
        default_factory=lambda: TokenBucket(_HOLDINGS_A_SECOND, _HOLDINGS)
    )
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Realtime(Dialect):
    """Prices of assets for everybody who may come in, values of portfolios for their owners."""

    name = "realtime"
    path = "/ws/realtime/"

    def __init__(self, market: MarketAccess) -> None:
        super().__init__(market)
        self._portfolios = PortfolioDelivery(market.hub, portfolio_update, _gone)

    def opened(self, client: ClientConnection) -> None:
        """Say who has come."""
        client.state, caller = ClientState(), client.caller
        greeting = {
            "status": "connected",
            "connection_id": client.state.id,
            "authenticated": caller is not None,
            "user_id": None if caller is None else caller.user_id,
        }
        client.send(envelope("connection", greeting))

    def received(self, client: ClientConnection, text: str) -> None:
        """Act on a message."""
        asked = inbound.read(text)
        if isinstance(asked, RealtimePing):
            client.send(envelope("pong", {"timestamp": iso(datetime.now(UTC))}))
        elif isinstance(asked, AboutAsset):
            self._about_asset(client, asked)
        else:
            self._about_portfolio(client, asked)

    def error(self, refusal: MessageRefused) -> str:
        """`error` with a code, and the detail where there is one."""
        return _error(refusal.code, refusal.message, detail=refusal.detail)

    def quote(self, quote: Quote) -> str:
        """An `asset_update`."""
        return envelope("asset_update", self._figures(quote))

    def facts(self, quote: Quote) -> Hashable:
        """All that it tells but when that was."""
        return tuple([fact for name, fact in self._figures(quote).items() if name not in _TIMES])

    def _figures(self, quote: Quote) -> dict[str, Any]:
        return asset_figures(quote.symbol, quote, self.market.instruments.get(quote.symbol))

    def closed(self, client: ClientConnection) -> None:
        """No more values."""
        self._portfolios.leave(client)

    # Assets

    def _about_asset(self, client: ClientConnection, asked: Any) -> None:
        symbol = canonical_symbol(asked.data.symbol)
        is_held = (ASSET, symbol) in client.subscriptions
        if symbol not in self.market.instruments and not is_held:
            message = f"Unknown symbol: {symbol[:_SHOWN]}"
            client.send(_error("UNKNOWN_SYMBOL", message, symbol=symbol[:_SHOWN]))
        elif isinstance(asked, SubscribeAsset):
            self._subscribe_asset(client, symbol)
        elif isinstance(asked, UnsubscribeAsset):
            client.unwatch([symbol])
            client.release([(ASSET, symbol)])
            client.send(envelope("unsubscription_confirmed", {"type": ASSET, "symbol": symbol}))
        else:
            now, timeout = datetime.now(UTC), _settings().realtime_cache_timeout
            held = self.market.cache.get(symbol)
            client.send(envelope("asset_price", asset_price(symbol, held, now, timeout)))

    def _subscribe_asset(self, client: ClientConnection, symbol: str) -> None:
        if not _accepted(client, (ASSET, symbol), symbol=symbol):
            return
        client.send(envelope("subscription_confirmed", {"type": ASSET, "symbol": symbol}))
        if self.market.cache.get(symbol) is None:
            # Nobody has to wait for an answer because there is no price yet.
            client.send(envelope("asset_update", asset_figures(symbol, None, None)))
        client.watch([symbol])

    # Portfolios

    def _about_portfolio(self, client: ClientConnection, asked: Any) -> None:
        portfolio_id = int(asked.data.portfolio_id)
        if isinstance(asked, UnsubscribePortfolio) and _key(portfolio_id) in client.subscriptions:
            self._unsubscribe_portfolio(client, portfolio_id)
            return
        if not _may_see(client, portfolio_id):
            return
        if isinstance(asked, SubscribePortfolio):
            self._subscribe_portfolio(client, portfolio_id)
        elif isinstance(asked, UnsubscribePortfolio):
            self._unsubscribe_portfolio(client, portfolio_id)
        else:
            _tell_value(client, portfolio_id)

    def _subscribe_portfolio(self, client: ClientConnection, portfolio_id: int) -> None:
        if not _accepted(client, _key(portfolio_id), portfolio_id=portfolio_id):
            return
        told = {"type": PORTFOLIO, "portfolio_id": portfolio_id}
        client.send(envelope("subscription_confirmed", told))
        self._portfolios.watch(client, _user(client), portfolio_id)

    def _unsubscribe_portfolio(self, client: ClientConnection, portfolio_id: int) -> None:
        self._portfolios.unwatch(client, _user(client), portfolio_id)
        client.release([_key(portfolio_id)])
        told = {"type": PORTFOLIO, "portfolio_id": portfolio_id}
        client.send(envelope("unsubscription_confirmed", told))


def _tell_value(client: ClientConnection, portfolio_id: int) -> None:
    count = 1 + count_holdings(portfolio_id)
    if not client.state.holdings.take(count, time.monotonic()):
        message = "Too many valuations: subscribe instead of asking again and again"
        client.send(_error("RATE_LIMITED", message, portfolio_id=portfolio_id))
        return
    found = service.portfolio_of(_user(client), portfolio_id)
    if found is None:
        _deny(client, portfolio_id)
        return
    worth = service.valuation_of(found)
    data = {
        "portfolio_id": portfolio_id,
        "value": money(worth.total_value, worth.currency),
        "timestamp": iso(worth.valued_at),
        "currency": worth.currency,
        "coverage": coverage(worth),
    }
    client.send(envelope("portfolio_value", data))


def _key(portfolio_id: int) -> tuple[str, int]:
    return PORTFOLIO, portfolio_id


def _accepted(client: ClientConnection, key: tuple[str, str | int], **about: Any) -> bool:
    """Count a subscription; False where it is one too many, which is said."""
    if client.accept([key])[0]:
        return True
    message = f"Subscription limit reached ({client.most_subscriptions})"
    client.send(_error("LIMIT_EXCEEDED", message, **about))
    return False


def _may_see(client: ClientConnection, portfolio_id: int) -> bool:
    """Whether it is the caller's own portfolio; who may not see it is told so.

    Somebody else's is refused like one that does not exist, and for a token without the right
    nothing is looked up at all.
    """
    caller = client.caller
    if caller is None:
        client.send(_error("AUTHENTICATION_REQUIRED", "Authentication required"))
        return False
    if not caller.may(Scope.PORTFOLIO_READ):
        detail = f"This needs a token with the scope {Scope.PORTFOLIO_READ}."
        client.send(_error("INSUFFICIENT_SCOPE", DENIED, detail=detail))
        return False
    if find_portfolio(caller.user_id, portfolio_id) is None:
        _deny(client, portfolio_id)
        return False
    return True


def _deny(client: ClientConnection, portfolio_id: int) -> None:
    client.send(_error("ACCESS_DENIED", DENIED, portfolio_id=portfolio_id))


def _user(client: ClientConnection) -> int:
    assert client.caller is not None, "only callers have portfolios"
    return client.caller.user_id


def _gone(client: ClientConnection, portfolio_id: int) -> None:
    """A portfolio that a client watches was deleted."""
    client.release([_key(portfolio_id)])
    _deny(client, portfolio_id)


def _settings() -> Any:
    return current_app.extensions["omcrm.settings"]
