"""The four channels: an instrument's profile, short quotes, the market, its hours."""

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import cast

from flask import current_app

from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.finance_query import DAILY_LIMIT, PUBLISHER, content
from omcrm.gateways.finance_query.daily_limit import DailyLimit
from omcrm.gateways.finance_query.encoded_message import Metadata
from omcrm.gateways.finance_query.interval import IntervalSnapshot
from omcrm.gateways.finance_query.publisher import ChannelPublisher
from omcrm.market.instrument import canonical_symbol, canonical_symbols
from omcrm.streaming import wire

_OVER = "Rate limit exceeded"
# The spelling of symbols of any market, in capitals; such symbols are safe to send back.
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=/_-]{0,19}")
# How many characters of an invalid symbol are sent back.
_SHOWN = 20


class FinanceQueryChannel(Dialect):
    """What the four channels share: a message at once, and a new one at each interval."""

    def opened(self, client: ClientConnection) -> None:
        """Count the connection as a request and begin."""
        may_ask, metadata = _count_request(client)
        if may_ask:
            self.begin(client, metadata)

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Subscribe to what the path names; `metadata` goes with the first message."""
        _publisher().subscribe(client, self, None, metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Refuse every message."""
        raise MessageRefused("UNKNOWN_MESSAGE", "This channel takes no messages")

    def error(self, refusal: MessageRefused) -> str:
        """An error object whose first key is `error`."""
        return _error(refusal.code, refusal.message)

    def closed(self, client: ClientConnection) -> None:
        """Remove the client from the publisher."""
        _publisher().remove(client)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """The message of an interval about what the client is subscribed to."""
        raise NotImplementedError


class HoursChannel(FinanceQueryChannel):
    """Whether the stock exchange is open."""

    name = content.HOURS
    path = "/hours"

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """Status, reason, time."""
        return content.hours_text(snapshot)


class OverviewChannel(FinanceQueryChannel):
    """The state of the market, as far as its instruments are followed."""

    name = content.MARKET
    path = "/market"

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """Movers, averages, headlines, sectors."""
        return content.market_text(snapshot)


class ProfileChannel(FinanceQueryChannel):
    """The profile of one instrument."""

    name = content.PROFILE
    path = "/profile/<symbol>"

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Subscribe to the instrument; those that are not followed share one message."""
        symbol = canonical_symbol(client.arguments["symbol"])
        is_known = symbol in self.market.instruments
        _publisher().subscribe(client, self, symbol if is_known else None, metadata)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """The long quote, similar instruments, the sector, the news."""
        return content.profile_text(snapshot, cast("str | None", about))


class QuotesChannel(FinanceQueryChannel):
    """Short quotes of the symbols in a client's last list."""

    name = content.QUOTES
    path = "/quotes"

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Wait for a list; the first one belongs to the connection's request."""
        client.state = _FirstAnswer(metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Replace the client's list by these symbols."""
        symbols = read_symbols(text)
        if len(symbols) > client.most_subscriptions:
            message = f"Too many symbols: at most {client.most_subscriptions}"
            client.send(_error("SYMBOL_LIMIT_EXCEEDED", message))
            return
        may_ask, metadata = True, None
        if isinstance(client.state, _FirstAnswer):
            metadata, client.state = client.state.metadata, None
        else:
            may_ask, _ = _count_request(client)
        if may_ask:
            client.release(list(client.subscriptions))
            client.accept(symbols)
            _publisher().subscribe(client, self, symbols, metadata)

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """A list of short quotes."""
        return content.quotes_text(snapshot, cast("tuple[str, ...]", about))


class _FirstAnswer:
    """The state of a client that has sent no list yet: the metadata of its first answer."""

    def __init__(self, metadata: Metadata | None) -> None:
        self.metadata = metadata


def read_symbols(text: str) -> tuple[str, ...]:
    """The symbols of `AAPL, msft`, each once, in canonical form; raises MessageRefused."""
    symbols = tuple(filter(None, canonical_symbols(text.split(","))))
    if not symbols:
        raise MessageRefused("INVALID_MESSAGE", "Expected symbols, separated by commas")
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise MessageRefused("INVALID_MESSAGE", f"Not a symbol: {symbol[:_SHOWN]}")
    return symbols


def _publisher() -> ChannelPublisher:
    publisher: ChannelPublisher = current_app.extensions[PUBLISHER]
    return publisher


def _count_request(client: ClientConnection) -> tuple[bool, Metadata | None]:
    """Whether the request is within the day's limit, and what is left; closes the client if not."""
    limit: DailyLimit | None = current_app.extensions[DAILY_LIMIT]
    if limit is None or client.caller is None:
        return True, None
    left = limit.take(client.caller, datetime.now(UTC))
    if left is None:
        client.close(reason=_OVER)
        return False, None
    metadata = {"rate_limit": left.limit, "remaining_requests": left.remaining}
    return True, {**metadata, "reset": left.seconds}


def _error(code: str, message: str) -> str:
    return wire.dumps({"error": message, "code": code})
