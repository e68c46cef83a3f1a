"""The four channels: all that is known of an instrument, short quotes, the market, its hours."""

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import cast

from flask import current_app

from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.finance_query import BOARD, DAILY_LIMIT, content
from omcrm.gateways.finance_query.daily_limit import DailyLimit
from omcrm.gateways.finance_query.encoded_message import Metadata
from omcrm.gateways.finance_query.interval import IntervalSnapshot
from omcrm.gateways.finance_query.publisher import ChannelPublisher
from omcrm.market.instrument import canonical_symbol, canonical_symbols
from omcrm.streaming import wire

_OVER = "Rate limit exceeded"
# As symbols of any market are spelled, in capitals; so they can be told back.
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=/_-]{0,19}")
# So much of what is no symbol is told back.
_SHOWN = 20


class FinanceQueryChannel(Dialect):
    """What the four have in common: they are told at once, and anew at each interval."""

    def opened(self, client: ClientConnection) -> None:
        """Count the connection, and begin."""
        may_ask, metadata = _count_request(client)
        if may_ask:
            self.begin(client, metadata)

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Show what the path names; `metadata` goes with the first message."""
        _board().show(client, self, None, metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Nothing is understood."""
        raise MessageRefused("UNKNOWN_MESSAGE", "This channel takes no messages")

    def error(self, refusal: MessageRefused) -> str:
        """An object whose first key is `error`."""
        return _error(refusal.code, refusal.message)

    def closed(self, client: ClientConnection) -> None:
        """Nothing more for it."""
        _board().leave(client)

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """The message of a turn about what the client looks at."""
        raise NotImplementedError


class HoursChannel(FinanceQueryChannel):
    """Whether the exchange is open."""

    name = content.HOURS
    path = "/hours"

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """Status, reason, time."""
        return content.hours_text(turn)


class OverviewChannel(FinanceQueryChannel):
    """How the market does, as far as it is followed."""

    name = content.MARKET
    path = "/market"

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """Movers, averages, headlines, sectors."""
        return content.market_text(turn)


class ProfileChannel(FinanceQueryChannel):
    """All that is known of one instrument."""

    name = content.PROFILE
    path = "/profile/<symbol>"

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Show the instrument; all that are not followed look alike."""
        symbol = canonical_symbol(client.arguments["symbol"])
        is_known = symbol in self.market.instruments
        _board().show(client, self, symbol if is_known else None, metadata)

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """The long quote, others like it, its sector, its news."""
        return content.profile_text(turn, cast("str | None", about))


class QuotesChannel(FinanceQueryChannel):
    """Short quotes of the symbols in a client's last list."""

    name = content.QUOTES
    path = "/quotes"

    def begin(self, client: ClientConnection, metadata: Metadata | None) -> None:
        """Wait for a list, of which the first belongs to the connection's request."""
        client.state = _FirstAnswer(metadata)

    def received(self, client: ClientConnection, text: str) -> None:
        """Show these symbols from now on, and no others."""
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
            _board().show(client, self, symbols, metadata)

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """A list of short quotes."""
        return content.quotes_text(turn, cast("tuple[str, ...]", about))


class _FirstAnswer:
    """A client that has sent no list yet, and what goes with the answer to it."""

    def __init__(self, metadata: Metadata | None) -> None:
        self.metadata = metadata


def read_symbols(text: str) -> tuple[str, ...]:
    """The symbols of `AAPL, msft`, each once, as the catalogue spells them; or MessageRefused."""
    symbols = tuple(filter(None, canonical_symbols(text.split(","))))
    if not symbols:
        raise MessageRefused("INVALID_MESSAGE", "Expected symbols, separated by commas")
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise MessageRefused("INVALID_MESSAGE", f"Not a symbol: {symbol[:_SHOWN]}")
    return symbols


def _board() -> ChannelPublisher:
    found: ChannelPublisher = current_app.extensions[BOARD]
    return found


def _count_request(client: ClientConnection) -> tuple[bool, Metadata | None]:
    """Whether the request is within the day's limit, and what is left; else close the client."""
    limit: DailyLimit | None = current_app.extensions[DAILY_LIMIT]
    if limit is None or client.caller is None:
        return True, None
    left = limit.take(client.caller, datetime.now(UTC))
    if left is None:
        client.close(reason=_OVER)
        return False, None
    told = {"rate_limit": left.limit, "remaining_requests": left.remaining}
    return True, {**told, "reset": left.seconds}


def _error(code: str, message: str) -> str:
    return wire.dumps({"error": message, "code": code})
