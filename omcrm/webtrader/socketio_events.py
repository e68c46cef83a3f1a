"""The desk's Socket.IO namespace: connecting, the requests of pages, and the events sent to them.

Handlers are defined at module level because there is one `SocketIO` object per process; the state
of an app is looked up through `current_app`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from flask import Flask
from flask_socketio import ConnectionRefusedError as Refusal
from sqlalchemy.exc import SQLAlchemyError

from omcrm.auth.credential import Unidentified, identify, session_handle
from omcrm.auth.permission import Permission
from omcrm.engine.bus import FeedChanged, LoginEnded
from omcrm.errors import AccessRefused
from omcrm.extensions import socketio
from omcrm.market.instrument import Instrument, canonical_symbol, canonical_symbols
from omcrm.services import services, services_of
from omcrm.streaming.fanout import ResumeToken
from omcrm.web import database_away, feed_control
from omcrm.web.market_access import feed_engine, market_view
from omcrm.webtrader import service
from omcrm.webtrader.messages import event_name, read
from omcrm.webtrader.page_session import PageSession
from omcrm.wire.desk import (
    NAMESPACE,
    DeskBrief,
    DeskCandles,
    DeskMessage,
    DeskPong,
    DeskPriceUpdate,
    DeskRefused,
    DeskRejected,
    DeskReload,
    DeskSubscribed,
    DeskUnsubscribed,
)
from omcrm.wire.desk_market import DeskMarketStatus
from omcrm.wire.desk_request import Instruments, PriceHistory
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import ResumeAfter

# All pages that passed the login check; never send to the whole namespace, which contains
# unauthenticated clients while their connect handler runs.
DESK_ROOM = "desk"

Answer = TypeVar("Answer", bound=DeskMessage)


# To the pages


def send_status(app: Flask, _: FeedChanged | None = None) -> None:
    """Send every page the status of the feeds."""
    status = service.connection_status(services_of(app).engine)
    socketio.emit("connection_status", status, to=DESK_ROOM, namespace=NAMESPACE)


def end_login(app: Flask, ended: LoginEnded) -> None:
    """Disconnect every client of an ended login session."""
    services_of(app).client_registry.end_logins({session_handle(ended.session_hash)})


# Connecting and disconnecting


def _page(sid: str) -> PageSession | None:
    page = services().client_registry.get(sid)
    return page if isinstance(page, PageSession) else None


@socketio.on("connect", namespace=NAMESPACE)
def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    """Register a logged-in user's page; refuse all other clients."""
    try:
        _connect(sid, environ)
    except AccessRefused as refusal:
        raise Refusal(refusal.message) from refusal
    except SQLAlchemyError as error:
        if not database_away.is_away(error):
            raise
        raise Refusal(database_away.MESSAGE) from error


def _connect(sid: str, environ: dict[str, Any]) -> None:
    caller = identify(environ, recent=True)
    if isinstance(caller, Unidentified) or not caller.has_session:
        raise Refusal("authentication required")
    if not caller.may(Permission.MARKET_READ):
        raise Refusal("your account may not do this")
    feed_control.start_for_viewer()
    page = PageSession(sid, caller, services().page_limits)
    services().client_registry.add(page)
    socketio.server.enter_room(sid, DESK_ROOM, namespace=NAMESPACE)
    page.send("connection_status", service.connection_status(feed_engine()))


@socketio.on("disconnect", namespace=NAMESPACE)
def remove_page(sid: str, reason: Any = None) -> None:
    """Remove a disconnected page and its subscriptions."""
    page = _page(sid)
    if page is not None:
        services().client_registry.remove(page)
        page.drop_subscriptions()


def send_events_lost(sid: str) -> None:
    """Tell a page that events were dropped because it did not read: it must subscribe again."""
    message = "Some messages were lost: subscribe again"
    reload = DeskReload(code=ErrorCode.EVENTS_LOST, message=message)
    socketio.emit(event_name(reload), reload, to=sid, namespace=NAMESPACE)


# Requests of pages


def _answer(page: PageSession, message: Answer) -> Answer:
    """Send the calling page a message, which is the acknowledgement, too."""
    page.send(event_name(message), message)
    return message


def _for_pages(handler: Callable[[PageSession, Any], Any]) -> Callable[..., Any]:
    """Wrap a handler: apply the page's rate limit, answer refusals, end pages with many of them."""

    @wraps(handler)
    def handle(sid: str, *bodies: Any) -> Any:
        page = _page(sid)
        if page is None:
            socketio.server.disconnect(sid, namespace=NAMESPACE)
            return None
        try:
            if not page.limiter.may_send(time.monotonic()):
                raise AccessRefused(ErrorCode.LIMIT_EXCEEDED, "too many messages: slow down")
            return handler(page, bodies[0] if bodies else None)
        except AccessRefused as refusal:
            answer = _answer(page, DeskRefused(message=refusal.message, code=refusal.code))
            if _is_bad(refusal) and page.limiter.too_many_errors(time.monotonic()):
                page.disconnect()
            return answer
        except SQLAlchemyError as error:
            if not database_away.is_away(error):
                raise
            away = DeskRefused(message=database_away.MESSAGE, code=database_away.CODE)
            return _answer(page, away)

    return handle


def _is_bad(refusal: AccessRefused) -> bool:
    return refusal.code != ErrorCode.UNKNOWN_SYMBOL


@socketio.on("subscribe_to_instruments", namespace=NAMESPACE)
@_for_pages
def subscribe(page: PageSession, body: Any) -> DeskSubscribed | DeskRefused:
    """Send a snapshot, then every change of the requested instruments."""
    payload = read(body, Instruments)
    known, rejected = _instruments(page, payload)
    symbols = [instrument.symbol for instrument in known]
    accepted, beyond = page.accept(symbols)
    rejected += [_rejected(symbol, ErrorCode.LIMIT_EXCEEDED) for symbol in beyond]
    resume_point = _subscribe(page, accepted, payload)
    if _is_beyond_limit(rejected):
        _answer(page, DeskRefused(message=_beyond_limit(page), code=ErrorCode.LIMIT_EXCEEDED))
    if not accepted:
        return _none_accepted(page, rejected)
    instruments = market_view().instruments
    return _answer(
        page,
        DeskSubscribed(
            message=f"Subscribed to {len(accepted)} instruments",
            instruments=[DeskBrief.of(instruments[symbol]) for symbol in accepted],
            rejected=rejected,
            **resume_point,
        ),
    )


@socketio.on("unsubscribe_from_instruments", namespace=NAMESPACE)
@_for_pages
def unsubscribe(page: PageSession, body: Any) -> DeskUnsubscribed:
    """End the updates of these instruments; those not subscribed to are ignored."""
    known, _ = _instruments(page, read(body, Instruments))
    symbols = [instrument.symbol for instrument in known]
    page.unsubscribe(symbols)
    page.release(symbols)
    message = f"Unsubscribed from {len(symbols)} instruments"
    return _answer(page, DeskUnsubscribed(message=message, symbols=symbols))


@socketio.on("get_price_history", namespace=NAMESPACE)
@_for_pages
def get_price_history(page: PageSession, body: Any) -> DeskCandles:
    """The candles of one symbol."""
    payload = read(body, PriceHistory)
    symbol = canonical_symbol(payload.symbol)
    if symbol not in market_view().instruments:
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol}")
    return _answer(page, service.price_history(symbol, payload.timeframe, payload.limit))


@socketio.on("get_market_status", namespace=NAMESPACE)
@_for_pages
def get_market_status(page: PageSession, body: Any) -> DeskMarketStatus:
    """Which markets are open."""
    return _answer(page, service.market_status())


@socketio.on("resume", namespace=NAMESPACE)
@_for_pages
def resume(page: PageSession, body: Any) -> None:
    """Send the events to the page's user that it missed, and all later ones."""
    services().user_events.resume(page, read(body, ResumeAfter))


@socketio.on("ping", namespace=NAMESPACE)
@_for_pages
def ping(page: PageSession, body: Any) -> DeskPong:
    """Answer with the server's time."""
    return _answer(page, DeskPong(timestamp=iso(datetime.now(UTC))))


@socketio.on("*", namespace=NAMESPACE)
@_for_pages
def unknown(page: PageSession, body: Any) -> None:
    """Refuse any other event."""
    raise AccessRefused(ErrorCode.INVALID_PAYLOAD, "unknown event")


def _subscribe(page: PageSession, symbols: list[str], payload: Instruments) -> dict[str, Any]:
    """Send a snapshot, then changes; the resume point for the answer."""
    session = page.session
    if not symbols or session is None:
        return {}
    since = ResumeToken(payload.since.epoch, payload.since.seq) if payload.since else None
    return page.subscribe_quotes(
        market_view().fanout,
        session,
        DeskPriceUpdate.event,
        symbols,
        max_rate=payload.max_rate,
        since=since,
    )._asdict()


def _instruments(
    page: PageSession, payload: Instruments
) -> tuple[list[Instrument], list[DeskRejected]]:
    """The requested instruments, and the rejected ones: unknown, or too many at once."""
    ids = dict.fromkeys(payload.instrument_ids)
    wanted: list[str | int] = [*canonical_symbols(payload.symbols), *ids]
    most = page.limits.subscriptions
    known, unknown = service.find_instruments(wanted[:most])
    rejected = [_rejected(name, ErrorCode.UNKNOWN_SYMBOL) for name in unknown]
    return known, rejected + [_rejected(name, ErrorCode.LIMIT_EXCEEDED) for name in wanted[most:]]


def _rejected(name: str | int, code: ErrorCode) -> DeskRejected:
    if isinstance(name, int):
        return DeskRejected(symbol=None, id=name, code=code)
    return DeskRejected(symbol=name, code=code)


def _is_beyond_limit(rejected: list[DeskRejected]) -> bool:
    return any(rejection.code == ErrorCode.LIMIT_EXCEEDED for rejection in rejected)


def _beyond_limit(page: PageSession) -> str:
    most = page.limits.subscriptions
    return f"This page may watch {most} instruments: unsubscribe from some first"


def _none_accepted(page: PageSession, rejected: list[DeskRejected]) -> DeskRefused:
    if _is_beyond_limit(rejected):
        return DeskRefused(
            message=_beyond_limit(page), code=ErrorCode.LIMIT_EXCEEDED, rejected=rejected
        )
    names = ", ".join(str(rejection.symbol or rejection.id) for rejection in rejected[:5])
    message = f"Unknown symbol: {names}"
    return _answer(
        page, DeskRefused(message=message, code=ErrorCode.UNKNOWN_SYMBOL, rejected=rejected)
    )
