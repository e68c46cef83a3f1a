"""The four channels (profile, short quotes, market, hours), and the daily limit of requests."""

import contextlib
import logging
import re
import time
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from msgspec import Struct

from omcrm.auth.credential import Caller
from omcrm.engine.shared_counts import SharedCounts
from omcrm.errors import MessageRefused
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import LENGTHS, CallCounts
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.finance_query import content
from omcrm.gateways.finance_query.publisher import IntervalSnapshot
from omcrm.market.instrument import canonical_symbol, canonical_symbols
from omcrm.services import services
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.wire import encoding
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.finance_query import (
    HOURS,
    MARKET,
    PROFILE,
    QUOTES,
    FinanceQueryError,
    FinanceQueryMetadata,
)

_OVER = "Rate limit exceeded"
# The spelling of symbols of any market, in capitals; such symbols are safe to send back.
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=/_-]{0,19}")
# How many characters of an invalid symbol are sent back.
_SHOWN = 20
# The beginning of the names of the count files.
_SOURCE = "finance_query"
# Count files that did not change for so many seconds belong to past days.
_OLD = 2 * LENGTHS["day"].total_seconds()

# The name that operators know these lines by.
_log = ThrottledLog(logging.getLogger(__name__))


class FinanceQueryChannel(Dialect):
    """What the four channels share: a message at once, and a new one at each interval."""

    def opened(self, client: ClientConnection) -> None:
        """Count the connection as a request and begin."""
        may_ask, metadata = _count_request(client)
        if may_ask:
            self.begin(client, metadata)

    def begin(self, client: ClientConnection, metadata: FinanceQueryMetadata | None) -> None:
        """Subscribe to what the path names; `metadata` goes with the first message."""
        services().publisher.subscribe(client, self, None, metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Refuse every message."""
        raise MessageRefused(ErrorCode.UNKNOWN_MESSAGE, "This channel takes no messages")

    def error(self, refusal: MessageRefused) -> str:
        """An error object whose first key is `error`."""
        return _error(refusal.code, refusal.message)

    def closed(self, client: ClientConnection) -> None:
        """Remove the client from the publisher."""
        services().publisher.remove(client)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """The message of an interval about what the client is subscribed to."""
        raise NotImplementedError


class HoursChannel(FinanceQueryChannel):
    """Whether the stock exchange is open."""

    channel = HOURS

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """Status, reason, time."""
        return content.hours_text(snapshot)


class OverviewChannel(FinanceQueryChannel):
    """The state of the market, as far as its instruments are followed."""

    channel = MARKET

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """Movers, averages, headlines, sectors."""
        return content.market_text(snapshot)


class ProfileChannel(FinanceQueryChannel):
    """The profile of one instrument."""

    channel = PROFILE

    def begin(self, client: ClientConnection, metadata: FinanceQueryMetadata | None) -> None:
        """Subscribe to the instrument; those that are not followed share one message."""
        symbol = canonical_symbol(client.arguments["symbol"])
        is_known = symbol in self.market.instruments
        services().publisher.subscribe(client, self, symbol if is_known else None, metadata)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """The long quote, similar instruments, the sector, the news."""
        return content.profile_text(snapshot, cast("str | None", about))


class QuotesChannel(FinanceQueryChannel):
    """Short quotes of the symbols in a client's last list."""

    channel = QUOTES

    def begin(self, client: ClientConnection, metadata: FinanceQueryMetadata | None) -> None:
        """Wait for a list; the first one belongs to the connection's request."""
        client.state = _FirstAnswer(metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Replace the client's list by these symbols."""
        symbols = read_symbols(text)
        if len(symbols) > client.limits.subscriptions:
            message = f"Too many symbols: at most {client.limits.subscriptions}"
            client.send(_error(ErrorCode.SYMBOL_LIMIT_EXCEEDED, message))
            return
        may_ask, metadata = True, None
        if isinstance(client.state, _FirstAnswer):
            metadata, client.state = client.state.metadata, None
        else:
            may_ask, _ = _count_request(client)
        if may_ask:
            client.release(list(client.subscriptions))
            client.accept(symbols)
            services().publisher.subscribe(client, self, symbols, metadata)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """A list of short quotes."""
        return content.quotes_text(snapshot, cast("tuple[str, ...]", about))


class _FirstAnswer:
    """The state of a client that has sent no list yet: the metadata of its first answer."""

    def __init__(self, metadata: FinanceQueryMetadata | None) -> None:
        self.metadata = metadata


def read_symbols(text: str) -> tuple[str, ...]:
    """The symbols of `AAPL, msft`, each once, in canonical form; raises MessageRefused."""
    symbols = tuple(filter(None, canonical_symbols(text.split(","))))
    if not symbols:
        raise MessageRefused(ErrorCode.INVALID_MESSAGE, "Expected symbols, separated by commas")
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise MessageRefused(ErrorCode.INVALID_MESSAGE, f"Not a symbol: {symbol[:_SHOWN]}")
    return symbols


def _count_request(client: ClientConnection) -> tuple[bool, FinanceQueryMetadata | None]:
    """Whether the request is within the day's limit, and what is left; closes the client if not."""
    limit = services().daily_limit
    if limit is None or client.caller is None:
        return True, None
    left = limit.take(client.caller, datetime.now(UTC))
    if left is None:
        client.close(reason=_OVER)
        return False, None
    return True, FinanceQueryMetadata(
        rate_limit=left.limit, remaining_requests=left.remaining, reset=left.seconds
    )


def _error(code: ErrorCode, message: str) -> str:
    return encoding.dumps(FinanceQueryError(error=message, code=code))


# The daily limit of requests, counted in files that outlive the process


class RequestsLeft(Struct, frozen=True):
    """What is left of a day's requests; `seconds` is the time until the day ends."""

    limit: int
    remaining: int
    seconds: int


class DailyLimit:
    """Counts the requests of each API token and of each user's logins, by UTC days.

    Safe among threads and processes that share the folder; those of other machines count together
    by `shared`, where there is one and it is reached.
    """

    def __init__(self, folder: Path, most: int, shared: SharedCounts | None = None) -> None:
        self._shared = shared
        self._folder = folder
        self._call_counts = CallCounts(folder)
        self._budget = Budget(most, "day")
        self._swept = ""

    def take(self, caller: Caller, now: datetime) -> RequestsLeft | None:
        """Count a request and return what is left; None where nothing was left."""
        counted_by = _counted_by(caller)
        try:
            self._sweep(now)
            if self._call_counts.take(_SOURCE, counted_by, [self._budget], now) is not None:
                return None
            use = self._call_counts.uses(_SOURCE, counted_by, [self._budget], now)[0]
        except OSError as error:
            # A full disk must not stop delivery: the request passes uncounted.
            _log.warning("a request could not be counted: %s", error.strerror)
            return RequestsLeft(self._budget.calls, self._budget.calls, 0)
        seconds = max(0, int((use.renews_at - now).total_seconds()))
        left = min(use.left, self._left_elsewhere(counted_by, now, seconds))
        return None if left < 0 else RequestsLeft(self._budget.calls, left, seconds)

    def _left_elsewhere(self, counted_by: str, now: datetime, seconds: int) -> int:
        """What is left by the count of all machines; below 0 where this request was too many."""
        if self._shared is None:
            return self._budget.calls
        name = f"{_SOURCE}:{now.astimezone(UTC).date()}:{counted_by}"
        count = self._shared.add(name, 1, seconds + 1)
        return self._budget.calls - (count or 0)

    def _sweep(self, now: datetime) -> None:
        """Once a day, delete the count files that are older than two days."""
        today = now.astimezone(UTC).date().isoformat()
        if self._swept == today:
            return
        self._swept = today
        for path in self._folder.glob(f"{_SOURCE}-*.quota"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _OLD:
                    path.unlink()


def _counted_by(caller: Caller) -> str:
    # All logins of a user share one limit; each API token has its own.
    return caller.handle if not caller.has_session else f"user:{caller.user_id}"
