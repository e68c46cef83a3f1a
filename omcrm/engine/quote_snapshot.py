"""All quotes of the leader in Redis, for processes that come late or missed some."""

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from redis import Redis

from omcrm.engine.bus_frame import (
    FrameRefused,
    SnapshotHead,
    decode_head,
    decode_quote,
    encode,
)
from omcrm.engine.redis_connection import RedisNames
from omcrm.market.quote import Quote

# So many quotes are written by one call: it holds up everybody else at the server.
_AT_ONCE = 500
# Tokens are compared where they are kept, so that a paused leader that goes on changes nothing.
# Arguments: token, epoch, whether all quotes are written anew, the head, symbols with their quotes.
# Answers the higher token, 0 if it is written, or -1 if the rest of the snapshot is not there.
_WRITE = """
local held = redis.call('HMGET', KEYS[1], 'token', 'epoch')
local token = tonumber(held[1] or '0')
if token > tonumber(ARGV[1]) then return token end
if ARGV[3] == '1' then
  redis.call('DEL', KEYS[2])
elseif token ~= tonumber(ARGV[1]) or held[2] ~= ARGV[2] then
  return -1
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'epoch', ARGV[2], 'head', ARGV[4])
if #ARGV > 4 then redis.call('HSET', KEYS[2], unpack(ARGV, 5)) end
return 0
"""


class TokenOutranked(Exception):
    """Another process leads, with a higher token."""

    def __init__(self, token: int) -> None:
        super().__init__(f"another process leads, with the token {token}")
        self.token = token


class SnapshotMissing(Exception):
    """The snapshot is not the one that was begun: all quotes must be written anew."""


class StoredQuotes(Struct, frozen=True):
    """A snapshot as it was read; `refused` of its quotes were malformed."""

    head: SnapshotHead
    quotes: tuple[Quote, ...]
    refused: int


class QuoteSnapshot:
    """The snapshot by way of one connection."""

    def __init__(self, client: Redis, names: RedisNames) -> None:
        self._client = client
        self._names = names
        self._write: Any = client.register_script(_WRITE)

    def write(self, head: SnapshotHead, quotes: Collection[Quote], *, anew: bool) -> None:
        """Write quotes of an epoch; `anew`: they are all that there are.

        Raises TokenOutranked or SnapshotMissing; then nothing is written.
        """
        keys = [self._names.head, self._names.snapshot]
        rest = list(quotes)
        while True:
            now, rest = rest[:_AT_ONCE], rest[_AT_ONCE:]
            # Only with the last part the snapshot is complete up to this frame.
            part = head if not rest else SnapshotHead(head.token, head.epoch, 0, head.written_at)
            pairs = [text for quote in now for text in (quote.symbol, encode(quote))]
            arguments = [head.token, head.epoch, int(anew), encode(part), *pairs]
            answer = int(self._write(keys=keys, args=arguments))
            if answer > 0:
                raise TokenOutranked(answer)
            if answer < 0:
                raise SnapshotMissing
            anew = False
            if not rest:
                return

    def read(self) -> StoredQuotes | None:
        """The snapshot; None where there is none that can be read."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hget(self._names.head, "head")
        pipeline.hgetall(self._names.snapshot)
        head, quotes = pipeline.execute()
        if head is None:
            return None
        try:
            read_head = decode_head(head)
        except FrameRefused:
            return None
        good, refused = [], 0
        for data in quotes.values():
            try:
                good.append(decode_quote(data))
            except FrameRefused:
                refused += 1
        return StoredQuotes(read_head, tuple(good), refused)
