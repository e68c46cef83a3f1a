"""Buses as several processes have them, on one server."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from msgspec import structs

from omcrm.engine.bus import Message
from omcrm.engine.market_view import QuoteCache
from omcrm.engine.redis_bus import RedisBus
from omcrm.market.quote import Quote
from omcrm.market.quote_number import QuoteNumbers
from tests.engine.redis_server import RedisServer
from tests.processes import wait_for
from tests.values import quote, trade

QUOTE = quote(trade("100"))


class Member:
    """One process: its bus, the quotes that it holds, and all messages that it received."""

    def __init__(self, url: str, token: int | None = None) -> None:
        self.token = token
        self.bus = RedisBus(url, lambda: self.token)
        self.cache = QuoteCache()
        self.received: list[Message] = []
        self.numbers = QuoteNumbers()
        self.newest: dict[str, int] = {}
        self.bus.subscribe(Quote, self.cache.put)

    def record(self, *kinds: type) -> None:
        """Keep the messages of these types."""
        for kind in kinds:
            self.bus.subscribe(kind, self.received.append)

    def lead(self, token: int) -> None:
        """Lead from now on."""
        self.numbers.begin_above(token)
        self.token = token

    def price(self, symbol: str = "BTC") -> Quote:
        """Publish the next quote of a symbol."""
        now = datetime.now(UTC)
        number = self.numbers.take()
        made = structs.replace(QUOTE, symbol=symbol, seq=number, confirmed_at=now, received_at=now)
        self.newest[symbol] = number
        self.bus.publish(made)
        return made

    def held(self) -> dict[str, int]:
        """The numbers of the quotes that it holds."""
        return {symbol: held.seq for symbol, held in self.cache.snapshot().items()}

    def joined(self) -> "Member":
        """Itself, once it has joined."""
        wait_for(lambda: self.bus.lost_since is None, what="the joining")
        return self


class Group:
    """The processes of one test."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self._ends = ExitStack()

    def member(self, token: int | None = None) -> Member:
        """Another process, which begins to join."""
        member = Member(self.server.url, token)
        if token is not None:
            member.lead(token)
        member.bus.start()
        self._ends.callback(member.bus.stop)
        return member

    def end(self) -> None:
        """Stop all, also where the server hangs."""
        self.server.resume()
        self._ends.close()


@pytest.fixture
def group(redis_server: RedisServer) -> Iterator[Group]:
    """Processes are started in the test, and stopped after it."""
    group = Group(redis_server)
    yield group
    group.end()
