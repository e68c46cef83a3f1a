"""The snapshot is the leader's with the highest token, and complete or not there."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from omcrm.engine.bus_frame import SnapshotHead
from omcrm.engine.quote_snapshot import QuoteSnapshot, SnapshotMissing, TokenOutranked
from omcrm.engine.redis_connection import connect_redis, names_for
from omcrm.market.quote import Quote
from tests.engine.redis_server import RedisServer
from tests.values import START, quote, trade

QUOTE = quote(trade("100"))


def quotes(*symbols: str) -> list[Quote]:
    return [structs.replace(QUOTE, symbol=symbol, seq=2 * at) for at, symbol in enumerate(symbols)]


def head(token: int, seq: int, epoch: str = "one") -> SnapshotHead:
    return SnapshotHead(token, epoch, seq, START)


@pytest.fixture
def snapshot(redis_server: RedisServer) -> Iterator[QuoteSnapshot]:
    client = connect_redis(redis_server.url, 60.0)
    yield QuoteSnapshot(client, names_for(redis_server.url))
    client.close()


def test_what_was_written_is_read(snapshot: QuoteSnapshot) -> None:
    """First all quotes, then those that changed."""
    snapshot.write(head(1, 4), quotes("BTC", "ETH"), anew=True)
    changed = structs.replace(QUOTE, seq=99)
    snapshot.write(head(1, 5), [changed], anew=False)
    stored = snapshot.read()

    assert head(1, 5) == stored.head
    assert {"BTC": 99, "ETH": 2} == {held.symbol: held.seq for held in stored.quotes}


def test_more_quotes_than_fit_into_one_call_are_written(snapshot: QuoteSnapshot) -> None:
    """Also none at all."""
    many = quotes(*(f"S{number}" for number in range(1_250)))
    snapshot.write(head(1, 4), many, anew=True)

    assert set(many) == set(snapshot.read().quotes)
    assert 4 == snapshot.read().head.quote_seq
    snapshot.write(head(1, 5), [], anew=True)
    assert () == snapshot.read().quotes


def test_an_empty_server_has_no_snapshot(snapshot: QuoteSnapshot) -> None:
    """And a part of one is not written there."""
    assert None is snapshot.read()
    with pytest.raises(SnapshotMissing):
        snapshot.write(head(1, 4), quotes("BTC"), anew=False)
    assert None is snapshot.read()


def test_a_lower_token_changes_nothing(snapshot: QuoteSnapshot) -> None:
    """Neither with a part nor with all; it is given the higher token."""
    snapshot.write(head(7, 4), quotes("BTC"), anew=True)
    for anew in (True, False):
        with pytest.raises(TokenOutranked) as raised:
            snapshot.write(head(6, 9), quotes("ETH"), anew=anew)

        assert 7 == raised.value.token
    assert head(7, 4) == snapshot.read().head
    assert ["BTC"] == [held.symbol for held in snapshot.read().quotes]


@pytest.mark.parametrize("following", [head(8, 1), head(7, 1, "two")])
def test_another_leader_writes_all_anew(snapshot: QuoteSnapshot, following: SnapshotHead) -> None:
    """A part of its quotes does not mix with those of the leader before."""
    snapshot.write(head(7, 4), quotes("BTC"), anew=True)
    with pytest.raises(SnapshotMissing):
        snapshot.write(following, quotes("ETH"), anew=False)
    snapshot.write(following, quotes("ETH"), anew=True)

    assert following == snapshot.read().head
    assert ["ETH"] == [held.symbol for held in snapshot.read().quotes]


def test_malformed_quotes_are_left_out(snapshot: QuoteSnapshot, redis_server: RedisServer) -> None:
    """They are counted; a malformed head is none."""
    names = names_for(redis_server.url)
    snapshot.write(head(1, 4), quotes("BTC"), anew=True)
    redis_server.client.hset(names.snapshot, "ETH", b"\xc1")

    assert ["BTC"] == [held.symbol for held in snapshot.read().quotes]
    assert 1 == snapshot.read().refused
    redis_server.client.hset(names.head, "head", b"\xc1")
    assert None is snapshot.read()
