"""What other processes send arrives, and what does not fit is refused without harm."""

import random

import pytest
from msgspec import structs

from omcrm.engine.bus import BusRejoined, Demand, PortfolioChanged
from omcrm.engine.bus_frame import BusFrame, encode
from omcrm.engine.redis_connection import names_for
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from tests.engine.bus_processes import QUOTE, Group
from tests.processes import wait_for
from tests.values import START


def test_a_late_joiner_reads_the_snapshot(group: Group) -> None:
    """Also where no price changes any more."""
    leader = group.member(token=3).joined()
    leader.price("BTC")
    leader.price("ETH")
    late = group.member().joined()

    wait_for(lambda: late.held() == leader.newest, what="the snapshot")


def test_malformed_frames_are_counted_and_harm_nobody(group: Group) -> None:
    """The frames after them arrive."""
    leader, other = group.member(token=3).joined(), group.member().joined()
    leader.price("BTC")
    wait_for(lambda: other.held() == leader.newest, what="the quote")
    names, chance, refused = names_for(group.server.url), random.Random(5), other.bus.status()
    good = encode(BusFrame("stranger", 0, "", 0, 0, START))
    for _ in range(100):
        channel = chance.choice((names.quotes, names.messages))
        group.server.client.publish(channel, chance.randbytes(chance.randrange(60)))
        group.server.client.publish(channel, good[: chance.randrange(1, len(good) - 1)])
    leader.price("ETH")

    wait_for(lambda: other.held() == leader.newest, what="the next quote")
    wait_for(lambda: other.bus.status().refused >= refused.refused + 200, what="the refusals")
    assert None is other.bus.lost_since


def test_a_lower_token_is_refused(group: Group) -> None:
    """A paused leader that goes on changes nothing, and learns that another one leads."""
    old, other, tokens = group.member(token=3).joined(), group.member().joined(), list[int]()
    old.bus.on_higher_token(tokens.append)
    old.price("BTC")
    wait_for(lambda: other.held() == old.newest, what="the quote")
    new = group.member(token=4).joined()
    new.price("BTC")
    wait_for(lambda: other.held() == new.newest, what="the quote of the new leader")
    wait_for(lambda: 4 in tokens, what="the higher token")
    late = BusFrame("old", 3, "old", 7, 0, START, (structs.replace(QUOTE, seq=2**50),))
    before = other.bus.status().refused
    group.server.client.publish(names_for(group.server.url).quotes, encode(late))
    old.price("BTC")
    wait_for(lambda: other.bus.status().refused > before, what="the refusal")
    new.price("ETH")
    wait_for(lambda: other.held() == new.newest, what="the next quote")

    assert new.newest["BTC"] < 2**50


def test_what_is_late_is_classified_before_it_is_published(group: Group) -> None:
    """A snapshot may be from before an engine died."""
    leader = group.member(token=3).joined()
    leader.price("BTC")
    wait_for(lambda: leader.bus.status().sent > 3, what="the snapshot")
    late, seen = group.member(), list[Quote]()
    late.bus.subscribe(Quote, seen.append)

    def make_stale(quote: Quote, now: object) -> Quote:
        return structs.replace(quote, price_class=PriceClass.STALE)

    late.bus.classify_late(make_stale)
    wait_for(lambda: seen, what="the snapshot")
    if late.bus.status().gaps == 0:
        assert PriceClass.STALE is seen[0].price_class


def test_messages_that_cannot_be_had_again_are_noticed(group: Group) -> None:
    """Whoever reads again what it shows has them."""
    member = group.member().joined()
    member.record(PortfolioChanged, BusRejoined)
    channel = names_for(group.server.url).messages
    for number, portfolio in ((0, 1), (1, 2), (5, 6), (5, 6)):
        messages, is_repeat = (PortfolioChanged(1, portfolio),), number == 5
        frame = BusFrame("stranger", 0, "", 0, number, START, (), messages, is_repeat=is_repeat)
        group.server.client.publish(channel, encode(frame))
    wait_for(lambda: BusRejoined() in member.received, what="the loss")

    changed = [part for part in member.received if isinstance(part, PortfolioChanged)]
    assert [1, 2, 6] == [change.portfolio_id for change in changed]


@pytest.mark.long
def test_a_process_that_was_killed_wants_nothing(group: Group) -> None:
    """Its last demand ends some seconds after its last heartbeat."""
    member = group.member().joined()
    member.record(Demand)
    wanted = (Demand("view", frozenset({"BTC"})),)
    frame = BusFrame("stranger", 0, "", 0, 0, START, (), wanted)
    group.server.client.publish(names_for(group.server.url).messages, encode(frame))

    wait_for(lambda: Demand("view", frozenset()) in member.received, what="its end")
    assert wanted[0] == member.received[0]
