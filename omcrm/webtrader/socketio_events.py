"""The desk's Socket.IO namespace: who may connect, what pages may ask, what they are told.

Handlers stand at module level because there is one `SocketIO` object per process; what belongs
to an app is looked up through `current_app`.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Flask, current_app, request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError as Refusal
from flask_socketio import disconnect, emit, join_room

from omcrm.errors import AccessRefused
from omcrm.extensions import db, socketio
from omcrm.market.instrument import Instrument, canonical_symbol, canonical_symbols
from omcrm.market.quote import Quote
from omcrm.storage import login_session
from omcrm.streaming import wire
from omcrm.streaming.fanout import ResumeToken
from omcrm.streaming.page_registry import PageSession
from omcrm.streaming.price_update import iso, price_update
from omcrm.web import database_away, feed_control
from omcrm.webtrader import service
from omcrm.webtrader.messages import Instruments, PriceHistory, read

NAMESPACE = "/webtrader"
# Everybody who passed the login check; never the namespace, which strangers are part of while
# their connect handler runs.
DESK_ROOM = "desk"
ADMIN_ROOM = "admins"

_GUARD_EVERY = 2.0

_log = logging.getLogger(__name__)


def user_room(user_id: int) -> str:
    """The room of one user's own pages."""
    return f"user:{user_id}"


# To the pages


def written(quote: Quote) -> str:
    """`price_update` as the Engine.IO message that the fan-out sends to whoever watches."""
    return f"42{NAMESPACE},{wire.dumps(['price_update', price_update(quote)])}"


def tell_status(app: Flask) -> None:
    """Tell every page how the feeds are doing."""
    status = service.connection_status(app.extensions[service.MANAGER])
    socketio.emit("connection_status", status, to=DESK_ROOM, namespace=NAMESPACE)


def drop_sessions(app: Flask, session_hashes: set[str]) -> None:
    """Disconnect every page of these sessions."""
    for sid in app.extensions[service.PAGES].sids_of(session_hashes):
        socketio.server.disconnect(sid, namespace=NAMESPACE)


def drop_session(session_hash: str) -> None:
    """Disconnect every page of a session that is over, from a request."""
    drop_sessions(current_app._get_current_object(), {session_hash})


# Coming and going


@socketio.on("connect", namespace=NAMESPACE)
def connect(auth: Any = None) -> None:
    """Seat a logged-in user's page; refuse everybody else."""
    if not current_user.is_authenticated:
        raise Refusal("authentication required")
    feed_control.start_for_viewer()
    page = PageSession(
        request.sid, current_user.id, current_user.session_hash, current_user.is_admin
    )
    try:
        needs_sweeper = service.pages().enter(page)
    except AccessRefused as refusal:
        raise Refusal(refusal.message) from refusal
    for room in (DESK_ROOM, user_room(page.user_id), *([ADMIN_ROOM] if page.is_admin else [])):
        join_room(room)
    app = current_app._get_current_object()
    if needs_sweeper:
        socketio.start_background_task(_guard, app)
    emit("connection_status", service.connection_status(service.manager()))


@socketio.on("disconnect", namespace=NAMESPACE)
def leave(reason: Any = None) -> None:
    """The page is gone."""
    page = service.pages().leave(request.sid)
    if page is not None and page.subscriber is not None:
        service.manager().fanout.leave(page.subscriber)


def tell_lost(sid: str) -> None:
    """Events to a page were dropped because it did not read: it has to ask anew."""
    body = {"code": "EVENTS_LOST", "message": "Some messages were lost: subscribe again"}
    socketio.emit("reload", body, to=sid, namespace=NAMESPACE)


def _guard(app: Flask) -> None:
    """Drop the pages whose session has ended elsewhere, as long as there are pages."""
    pages = app.extensions[service.PAGES]
    while not pages.may_rest():
        socketio.sleep(_GUARD_EVERY)
        try:
            with app.app_context():
                ended = login_session.invalid_among(pages.session_hashes(), datetime.now(UTC))
                db.session.rollback()
            drop_sessions(app, ended)
        except Exception as error:
            if not database_away.is_away(error):
                _log.exception("looking for ended sessions failed")


# What pages ask


def _asked(handler: Callable[[PageSession, Any], Any]) -> Callable[..., Any]:
    """Let a seated page speak within its rate; answer a refusal, and close who keeps at it."""

    @wraps(handler)
    def handle(*bodies: Any) -> Any:
        page = service.pages().page(request.sid)
        if page is None:
            disconnect()
            return None
        try:
            if not page.limiter.may_send(time.monotonic()):
                raise AccessRefused("LIMIT_EXCEEDED", "too many messages: slow down")
            return handler(page, bodies[0] if bodies else None)
        except AccessRefused as refusal:
            answer = {"message": refusal.message, "code": refusal.code}
            emit("subscription_error", answer)
            if _is_bad(refusal) and page.limiter.too_many_errors(time.monotonic()):
                disconnect()
            return answer

    return handle


@socketio.on_error(NAMESPACE)
def refuse_failure(error: Exception) -> Any:
    """While the database cannot be used the page is told so; other failures go on being ours."""
    if not database_away.is_away(error):
        raise error
    if request.event["message"] == "connect":
        raise Refusal(database_away.MESSAGE) from error
    answer = {"message": database_away.MESSAGE, "code": database_away.CODE}
    if request.event["message"] != "disconnect":
        emit("subscription_error", answer)
    return answer


def _is_bad(refusal: AccessRefused) -> bool:
    return refusal.code != "UNKNOWN_SYMBOL"


@socketio.on("subscribe_to_instruments", namespace=NAMESPACE)
@_asked
def subscribe(page: PageSession, body: Any) -> dict[str, Any]:
    """Snapshot, then every change of the instruments asked for."""
    asked = read(body, Instruments)
    known, rejected = _instruments(asked)
    accepted, beyond = service.pages().watch(page, [instrument.symbol for instrument in known])
    rejected += [_rejected(symbol, "LIMIT_EXCEEDED") for symbol in beyond]
    position = _watch(page, accepted, asked)
    if any(rejection["code"] == "LIMIT_EXCEEDED" for rejection in rejected):
        emit("subscription_error", _beyond_limit())
    if not accepted:
        return _none_accepted(rejected)
    instruments = service.manager().instruments
    answer = {
        "message": f"Subscribed to {len(accepted)} instruments",
        "instruments": [_brief(instruments[symbol]) for symbol in accepted],
        "rejected": rejected,
        **position,
    }
    emit("subscription_success", answer)
    return answer


@socketio.on("unsubscribe_from_instruments", namespace=NAMESPACE)
@_asked
def unsubscribe(page: PageSession, body: Any) -> dict[str, Any]:
    """End the updates of these instruments; ending what was not begun is harmless."""
    known, _ = _instruments(read(body, Instruments))
    symbols = [instrument.symbol for instrument in known]
    if page.subscriber is not None:
        service.manager().fanout.unwatch(page.subscriber, symbols)
    service.pages().unwatch(page, symbols)
    answer = {"message": f"Unsubscribed from {len(symbols)} instruments", "symbols": symbols}
    emit("unsubscription_success", answer)
    return answer


@socketio.on("get_price_history", namespace=NAMESPACE)
@_asked
def get_price_history(page: PageSession, body: Any) -> dict[str, Any]:
    """The candles of one symbol."""
    asked = read(body, PriceHistory)
    symbol = canonical_symbol(asked.symbol)
    if symbol not in service.manager().instruments:
        raise AccessRefused("UNKNOWN_SYMBOL", f"Unknown symbol: {symbol}")
    answer = service.price_history(symbol, asked.timeframe, asked.limit)
    emit("price_history", answer)
    return answer


@socketio.on("get_market_status", namespace=NAMESPACE)
@_asked
def get_market_status(page: PageSession, body: Any) -> dict[str, Any]:
    """Which markets are open."""
    answer = service.market_status()
    emit("market_status", answer)
    return answer


@socketio.on("ping", namespace=NAMESPACE)
@_asked
def ping(page: PageSession, body: Any) -> dict[str, Any]:
    """A sign of life, with the server's time."""
    answer = {"timestamp": iso(datetime.now(UTC))}
    emit("pong", answer)
    return answer


@socketio.on("*", namespace=NAMESPACE)
@_asked
def unknown(page: PageSession, body: Any) -> None:
    """Anything else."""
    raise AccessRefused("INVALID_PAYLOAD", "unknown event")


def _watch(page: PageSession, symbols: list[str], asked: Instruments) -> dict[str, Any]:
    """Snapshot, then changes; where the page is by that, so that it can resume."""
    fanout, session = service.manager().fanout, socketio.server.session_of(page.sid, NAMESPACE)
    if not symbols or session is None:
        return {}
    if page.subscriber is None:
        page.subscriber = fanout.join(session, written)
    since = ResumeToken(asked.since.epoch, asked.since.seq) if asked.since else None
    position = fanout.watch(page.subscriber, symbols, asked.max_rate, since)
    if service.pages().page(page.sid) is None:
        # Disconnected meanwhile, by another thread: nobody else would take it out.
        fanout.leave(page.subscriber)
    return position._asdict()


def _instruments(asked: Instruments) -> tuple[list[Instrument], list[dict[str, Any]]]:
    """The instruments asked for, and what was asked for in vain: unknown, or too many at once."""
    ids = dict.fromkeys(asked.instrument_ids)
    wanted: list[str | int] = [*canonical_symbols(asked.symbols), *ids]
    most = service.pages().limits.subscriptions
    known, unknown = service.find_instruments(wanted[:most])
    rejected = [_rejected(name, "UNKNOWN_SYMBOL") for name in unknown]
    return known, rejected + [_rejected(name, "LIMIT_EXCEEDED") for name in wanted[most:]]


def _rejected(name: str | int, code: str) -> dict[str, Any]:
    if isinstance(name, int):
        return {"symbol": None, "id": name, "code": code}
    return {"symbol": name, "code": code}


def _brief(instrument: Instrument) -> dict[str, Any]:
    described = service.described(instrument)
    return {key: described[key] for key in ("id", "symbol", "name", "type")}


def _beyond_limit() -> dict[str, str]:
    most = service.pages().limits.subscriptions
    message = f"This page may watch {most} instruments: unsubscribe from some first"
    return {"message": message, "code": "LIMIT_EXCEEDED"}


def _none_accepted(rejected: list[dict[str, Any]]) -> dict[str, Any]:
    if any(rejection["code"] == "LIMIT_EXCEEDED" for rejection in rejected):
        return {**_beyond_limit(), "rejected": rejected}
    names = ", ".join(str(rejection["symbol"] or rejection["id"]) for rejection in rejected[:5])
    answer = {"message": f"Unknown symbol: {names}", "code": "UNKNOWN_SYMBOL", "rejected": rejected}
    emit("subscription_error", answer)
    return answer
