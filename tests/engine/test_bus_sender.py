"""The leader's frames and snapshot, as they stand on the server."""

from omcrm.engine.bus import (
    Control,
    ControlAction,
    EngineQuestion,
    EngineReply,
    EngineReport,
    EngineTopic,
    FeedChanged,
)
from omcrm.engine.bus_frame import SnapshotHead, decode_head, decode_quote, encode
from omcrm.engine.bus_sender import _for_repeat
from omcrm.engine.redis_connection import names_for
from tests.engine.bus_processes import Group
from tests.processes import wait_for
from tests.values import START


def stored(group: Group) -> dict[str, int]:
    names = names_for(group.server.url)
    quotes = map(decode_quote, group.server.client.hgetall(names.snapshot).values())
    return {quote.symbol: quote.seq for quote in quotes}


def test_the_leader_writes_the_snapshot(group: Group) -> None:
    """With the newest quote of each symbol and its token."""
    leader = group.member(token=3)
    for symbol in ("BTC", "ETH", "BTC"):
        leader.price(symbol)
    wait_for(lambda: stored(group) == leader.newest, what="the snapshot")
    head = decode_head(group.server.client.hget(names_for(group.server.url).head, "head"))

    assert 3 == head.token


def test_who_does_not_lead_writes_nothing(group: Group) -> None:
    """Its quotes stay with itself."""
    member, other = group.member().joined(), group.member().joined()
    member.price()
    sent = member.bus.status().sent
    wait_for(lambda: member.bus.status().sent > sent + 1, what="heartbeats")

    assert {} == stored(group)
    assert {} == other.held()
    assert {"BTC"} == set(member.held())


def test_a_server_that_was_emptied_is_filled_again(group: Group) -> None:
    """Without a restart, and without a new price of every symbol."""
    leader = group.member(token=3).joined()
    leader.price("BTC")
    leader.price("ETH")
    wait_for(lambda: stored(group) == leader.newest, what="the snapshot")
    group.server.client.flushall()
    leader.price("BTC")

    wait_for(lambda: stored(group) == leader.newest, what="the snapshot again")


def test_a_server_that_was_restarted_is_filled_again(group: Group) -> None:
    """Without any new price."""
    leader = group.member(token=3).joined()
    leader.price("BTC")
    group.server.kill()
    wait_for(lambda: leader.bus.lost_since, what="the loss")
    leader.price("ETH")
    group.server.start()

    wait_for(lambda: stored(group) == leader.newest, what="the snapshot again")


def test_a_higher_token_at_the_server_outranks_the_leader(group: Group) -> None:
    """Also where nobody publishes with it any more: it is told, and leaves the snapshot."""
    names, tokens = names_for(group.server.url), list[int]()
    other = {"token": 9, "epoch": "other", "head": encode(SnapshotHead(9, "other", 0, START))}
    leader = group.member(token=3).joined()
    leader.bus.on_higher_token(tokens.append)
    group.server.client.hset(names.head, mapping=other)
    leader.price()

    wait_for(lambda: 9 in tokens, what="the higher token")
    assert {} == stored(group)


def test_a_leader_with_a_new_token_goes_on(group: Group) -> None:
    """It has won the lease again."""
    leader, other = group.member(token=3).joined(), group.member().joined()
    leader.price()
    wait_for(lambda: other.held() == leader.newest, what="the first quote")
    leader.lead(4)
    leader.price()
    wait_for(lambda: other.held() == leader.newest, what="the second quote")

    assert 4 == other.bus.status().token


def test_large_messages_are_not_kept() -> None:
    """A report comes again by itself, and nobody waits for an old answer."""
    report = EngineReport(since=None, reviewed_at=None, failure=None, statuses={}, budgets={})
    kept = EngineReply("1", b"many bytes"), EngineQuestion(id="1", topic=EngineTopic.DETAILS)

    assert {FeedChanged()} == {_for_repeat(message) for message in (report, *kept)}
    assert Control(ControlAction.STOP) == _for_repeat(Control(ControlAction.STOP))
