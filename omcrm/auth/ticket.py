"""Tickets for WebSockets: for browsers, which cannot send a header with a handshake."""

import secrets
from datetime import datetime, timedelta

from limits import RateLimitItemPerMinute

from omcrm.auth.credential import Caller
from omcrm.auth.login import hash_token
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.errors import AccessRefused
from omcrm.storage import ws_ticket
from omcrm.storage.transaction import transaction
from omcrm.wire.error_code import ErrorCode

LIFETIME = timedelta(seconds=30)

_ISSUED = UserRateLimit("tickets", RateLimitItemPerMinute(60))


def issue(caller: Caller, now: datetime) -> str:
    """A ticket that opens one WebSocket as this caller within LIFETIME; commits.

    Raises AccessRefused where the caller requested too many in the last minute.
    """
    if wait := _ISSUED.spend(caller.handle):
        message = f"Too many tickets. Try again in {wait} seconds."
        raise AccessRefused(ErrorCode.TOO_MANY_REQUESTS, message, 429, wait=wait)
    ticket = secrets.token_urlsafe(32)
    with transaction():
        ws_ticket.keep(hash_token(ticket), caller.handle, now, now + LIFETIME)
    return ticket
