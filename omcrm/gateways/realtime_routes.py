"""The HTTP routes beside `/ws/realtime/`: its page, its description, its health, price updates."""

from datetime import UTC, datetime
from typing import Any, Literal

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute

from omcrm.auth.access import current_caller, public, refusal, requires
from omcrm.auth.json_answer import json_answer
from omcrm.auth.json_route import answers, takes
from omcrm.auth.permission import Permission
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.errors import AccessRefused
from omcrm.gateways.realtime import ASSET, PORTFOLIO
from omcrm.gateways.realtime_message import MESSAGE_TYPES
from omcrm.market.instrument import canonical_symbols
from omcrm.portfolio import service
from omcrm.pricing.price_feed_state import PriceFeedState, price_feed_state
from omcrm.pricing.refresh import refresh_prices
from omcrm.services import services
from omcrm.streaming.client_session import ClientSession
from omcrm.web.feed_control import start_for_viewer
from omcrm.web.market_access import feed_engine, market_view, own_engine
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.realtime import REALTIME
from omcrm.wire.realtime_service import (
    PriceUpdateRequest,
    RealtimeConnectionInfo,
    RealtimeFailed,
    RealtimeFetched,
    RealtimeGlobalStats,
    RealtimeHealth,
    RealtimeNotFetched,
    RealtimePriceFeed,
    RealtimeStatus,
    RealtimeSubscriptions,
    RealtimeUpdated,
    RealtimeUserStats,
    RealtimeWebSocketInfo,
)

blueprint = Blueprint("realtime", __name__)

PRICE_UPDATES = UserRateLimit("forced price updates", RateLimitItemPerMinute(6))
"""An update spends calls from the providers' budgets, which all users share."""


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> Response:
    """A refusal in JSON; the only body that is read here has one field."""
    return refusal(error.code, error.message, error.status, error.field or "symbols", error.wait)


@blueprint.get("/realtime/dashboard/")
@requires(Permission.MARKET_READ, Permission.PORTFOLIO_READ, session_only=True, page=True)
def dashboard() -> ResponseReturnValue:
    """The page that shows assets and portfolios over the WebSocket."""
    start_for_viewer()
    return render_template(
        "realtime/dashboard.html",
        path=REALTIME.path,
        instruments=list(market_view().instruments.values()),
        portfolios=service.portfolios_of(current_caller().user_id),
        most=services().settings.max_subscriptions,
    )


@blueprint.get("/realtime/websocket-info/")
@public()
@answers(RealtimeWebSocketInfo)
def websocket_info() -> RealtimeWebSocketInfo:
    """Where the WebSocket is, and its messages."""
    settings, path = services().settings, REALTIME.path
    page = settings.public_url or request.host_url
    scheme, _, host = page.rstrip("/").partition("://")
    protocol: Literal["ws", "wss"] = "wss" if scheme == "https" else "ws"
    return RealtimeWebSocketInfo(
        websocket_url=f"{protocol}://{host}{path}",
        connection_info=RealtimeConnectionInfo(
            protocol=protocol,
            host=host,
            path=path,
            authentication="session-based",
            also=["API token", "ticket"],
        ),
        message_types=MESSAGE_TYPES,
        update_frequency=(
            f"On change, at most once in {settings.price_window_ms} ms for each asset and "
            "portfolio; the last value is always sent."
        ),
        supported_features=[
            "Current value on subscription",
            "Latest value wins for slow readers",
            "Portfolio values with coverage, updated on edits",
            f"Up to {settings.max_subscriptions} subscriptions for each connection",
        ],
    )


@blueprint.get("/realtime/health/")
@public()
@answers(RealtimeHealth)
def health() -> RealtimeHealth:
    """Whether prices arrive."""
    return RealtimeHealth(
        price_feed_running=feed_engine().running or _command().is_running,
        active_connections=len(_clients()),
        timestamp=iso(datetime.now(UTC)),
    )


@blueprint.get("/realtime/status/")
@requires(Permission.MARKET_READ)
@answers(RealtimeStatus)
def status() -> RealtimeStatus:
    """Counts of all connections, and the caller's own subscriptions."""
    caller, everybody = current_caller(), _clients()
    own = _clients(caller.user_id)
    sees_portfolios = caller.may(Permission.PORTFOLIO_READ)
    return RealtimeStatus(
        service_status="running",
        global_stats=RealtimeGlobalStats(
            total_connections=len(everybody),
            authenticated_users=len({client.owner for client in everybody if client.caller}),
            portfolio_subscriptions=len(_keys(everybody, PORTFOLIO)),
            asset_subscriptions=len(_keys(everybody, ASSET)),
        ),
        user_stats=RealtimeUserStats(
            connection_count=len(own),
            subscriptions=RealtimeSubscriptions(
                portfolios=sorted(set(_keys(own, PORTFOLIO))) if sees_portfolios else [],
                assets=sorted(set(_keys(own, ASSET))),
            ),
        ),
        price_feed=_price_feed(),
        timestamp=iso(datetime.now(UTC)),
    )


@blueprint.post("/api/realtime/force_price_update/")
@requires(Permission.PRICES_UPDATE)
@answers(
    RealtimeFetched,
    refusals={400: "It names unknown symbols.", 429: "Too many lately."},
    refused_as=RealtimeNotFetched,
)
@takes(PriceUpdateRequest)
def force_price_update(body: PriceUpdateRequest) -> RealtimeFetched | Response:
    """Request fresh prices from the sources now, which may take ten seconds."""
    symbols = canonical_symbols(body.symbols)
    known = market_view().instruments
    if invalid := [symbol for symbol in symbols if symbol not in known]:
        not_fetched = RealtimeNotFetched(
            error=f"Unknown symbols: {', '.join(invalid)}",
            invalid_symbols=invalid,
            valid_symbols=[symbol for symbol in symbols if symbol in known],
        )
        return json_answer(not_fetched, 400)
    if wait := PRICE_UPDATES.spend(str(current_caller().user_id)):
        message = f"Too many updates: try again in {wait} seconds."
        return refusal(ErrorCode.TOO_MANY_REQUESTS, message, 429, wait=wait)
    done = refresh_prices(symbols, starting=start_for_viewer())
    return RealtimeFetched(
        updated=[
            RealtimeUpdated(
                symbol=price.symbol,
                price=price.price,
                price_class=price.price_class,
                source=price.source,
                timestamp=iso(price.received_at),
            )
            for price in done.updated
        ],
        failed=[
            RealtimeFailed(symbol=failure.symbol, reason=failure.reason) for failure in done.failed
        ],
    )


def _price_feed() -> RealtimePriceFeed:
    """The state of this process's feeds, or else of the command that writes to the database."""
    command, settings, own = _command(), services().settings, own_engine()
    return RealtimePriceFeed(
        is_running=feed_engine().running or command.is_running,
        update_interval=command.interval or settings.realtime_update_interval,
        max_batch_size=command.batch or settings.realtime_batch_size,
        streams_here=own is not None and own.running,
        command_running=command.is_running,
    )


def _command() -> PriceFeedState:
    return price_feed_state(services().settings.feed_state_path, services().settings.database)


def _clients(user_id: int | None = None) -> list[ClientSession]:
    return services().client_registry.clients(user_id, REALTIME.name)


def _keys(clients: list[ClientSession], kind: str) -> list[Any]:
    """The keys of this kind that clients are subscribed to, once for each client."""
    held = (key for client in clients for key in client.subscriptions.copy())
    return [key[1] for key in held if isinstance(key, tuple) and key[0] == kind]
