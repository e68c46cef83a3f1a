"""Several processes share quotes and messages, whatever happens to the server between them."""

import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from omcrm.concurrency import MODES
from omcrm.engine.bus import (
    BusLost,
    BusRejoined,
    Demand,
    Holdings,
    LoginEnded,
    PortfolioChanged,
)
from omcrm.engine.redis_bus import RedisBus
from omcrm.engine.shared_counts import SharedCounts
from tests.engine.bus_processes import Group, Member
from tests.engine.redis_server import RedisServer
from tests.engine.test_bus_frame import MESSAGES
from tests.processes import PATIENCE, ROOT, wait_for


def test_quotes_of_the_leader_reach_everybody(group: Group) -> None:
    """The newest of each symbol."""
    leader, first, second = group.member(token=1), group.member(), group.member()
    for member in (leader, first, second):
        member.joined()
    for number in range(2_000):
        leader.price(f"S{number % 7}")

    for member in (leader, first, second):
        wait_for(lambda member=member: member.held() == leader.newest, what="the quotes")


def test_every_message_reaches_the_others_once(group: Group) -> None:
    """As an equal value; the own handlers are called at once."""
    sender, first, second = group.member(), group.member(), group.member()
    for member in (sender, first, second):
        member.joined().record(*{type(message) for message in MESSAGES})
    wait_for(lambda: second.bus.status().processes == 3, what="the others")
    wait_for(lambda: first.bus.status().processes == 3, what="the others")
    for message in MESSAGES:
        sender.bus.publish(message)
    assert list(MESSAGES) == sender.received
    for member in (first, second):
        wait_for(lambda member=member: len(member.received) >= len(MESSAGES), what="all")

    # What is wanted comes again where a process is new.
    assert list(MESSAGES) == first.received == second.received


def test_messages_keep_their_order(group: Group) -> None:
    """Those of one thread; thousands of them go into several frames."""
    sender, other = group.member().joined(), group.member().joined()
    other.record(PortfolioChanged)
    wait_for(lambda: other.bus.status().processes == 2, what="the sender")
    for number in range(5_000):
        sender.bus.publish(PortfolioChanged(1, number))
    wait_for(lambda: len(other.received) >= 5_000, what="all messages")

    assert list(range(5_000)) == [change.portfolio_id for change in other.received]


def test_what_is_wanted_reaches_an_engine_that_starts_later(group: Group) -> None:
    """The newest demand of each view, and the holdings."""
    view = group.member().joined()
    view.bus.publish(Demand("view", frozenset({"BTC"})))
    view.bus.publish(Demand("view", frozenset({"ETH"})))
    view.bus.publish(Holdings(frozenset({"SOL"})))
    engine = group.member(token=1)
    engine.record(Demand, Holdings)
    wanted = [Demand("view", frozenset({"ETH"})), Holdings(frozenset({"SOL"}))]

    wait_for(lambda: all(message in engine.received for message in wanted), what="what is wanted")


def test_the_time_is_that_of_the_engine(redis_server: RedisServer) -> None:
    """Whose clock may be another one; a process that leads has its own."""
    ahead = timedelta(hours=1)
    leader = RedisBus(redis_server.url, lambda: 1, lambda: datetime.now(UTC) + ahead)
    view = RedisBus(redis_server.url)
    for bus in (leader, view):
        bus.start()
    try:
        wait_for(lambda: view.engine_now() - datetime.now(UTC) > ahead / 2, what="its time")
        assert leader.engine_now() - datetime.now(UTC) > ahead / 2
    finally:
        for bus in (leader, view):
            bus.stop()


@pytest.mark.parametrize("fault", ["kill", "pause", "cut off"])
def test_a_lost_server_is_noticed_and_joined_again(group: Group, fault: str) -> None:
    """By everybody, without a hand; the newest quotes and the last messages arrive then."""
    leader, other = group.member(token=1).joined(), group.member().joined()
    other.record(BusLost, BusRejoined, LoginEnded)
    wait_for(lambda: other.bus.status().processes == 2, what="the leader's heartbeat")
    leader.price("BTC")
    wait_for(lambda: other.held() == leader.newest, what="the first quote")
    if fault == "cut off":
        group.server.cut_off()
    else:
        group.server.kill() if fault == "kill" else group.server.pause()
        wait_for(lambda: leader.bus.lost_since and other.bus.lost_since, what="the loss")
    for _ in range(50):
        leader.price("BTC")
        leader.price("ETH")
    leader.bus.publish(LoginEnded("hash"))
    if fault != "cut off":
        group.server.start() if fault == "kill" else group.server.resume()
    wait_for(lambda: other.held() == leader.newest, what="the newest quotes")
    wait_for(lambda: LoginEnded("hash") in other.received, what="the message")
    leader.joined()
    other.joined()

    wait_for(lambda: BusRejoined() in other.received, what="the return")
    if fault != "cut off":
        assert BusLost() == other.received[0]
    assert 1 == other.received.count(LoginEnded("hash"))


def test_nobody_who_publishes_waits_for_a_hung_server(group: Group) -> None:
    """Prices and messages go on in the process itself; what waits is bounded."""
    leader, other = group.member(token=1).joined(), group.member().joined()
    group.server.pause()

    def publish(symbol: str) -> None:
        for number in range(14_000):
            leader.price(symbol) if number % 2 else leader.bus.publish(LoginEnded(symbol))

    threads = [threading.Thread(target=publish, args=(name,)) for name in ("A", "B", "C", "D")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert leader.held() == leader.newest
    wait_for(lambda: leader.bus.lost_since, what="the loss")
    group.server.resume()

    wait_for(lambda: other.held() == leader.newest, what="the newest quotes")
    wait_for(lambda: leader.bus.status().dropped > 0, what="the count of what was dropped")


def test_whatever_happens_the_newest_quotes_arrive(group: Group) -> None:
    """Losses, restarts, hangs and new leaders in a random order: in the end everybody holds the
    newest quote of each symbol, and of the highest token where that has one."""
    chance, newest = random.Random(11), dict[str, int]()
    leaders = [group.member(token=1).joined()]
    views = [group.member().joined(), group.member().joined()]
    for _ in range(12):
        for _ in range(chance.randrange(40)):
            newest |= {"": 0}
            symbol = f"S{chance.randrange(5)}"
            leaders[-1].price(symbol)
            newest[symbol] = leaders[-1].newest[symbol]
        action = chance.choice(("cut", "kill", "pause", "leader", "view", "publish"))
        if action == "cut":
            group.server.cut_off()
        elif action == "kill":
            group.server.kill()
            leaders[-1].price("S0")
            group.server.start()
        elif action == "pause":
            group.server.pause()
            wait_for(lambda: leaders[-1].bus.lost_since, what="the loss")
            leaders[-1].price("S1")
            group.server.resume()
        elif action == "leader":
            leaders.append(group.member(token=leaders[-1].token + 1).joined())
        elif action == "view":
            views.append(group.member())
        for old in leaders[:-1]:
            old.price("S2")
    for number in range(5):
        leaders[-1].price(f"S{number}")

    for view in views:
        wait_for(lambda view=view: view.held() == leaders[-1].newest, what="the newest quotes")


def test_the_rights_in_the_documents_are_enough(redis_server: RedisServer) -> None:
    """A user that may do no more joins, sends, and keeps the snapshot."""
    text = (ROOT / "docs" / "bus.md").read_text()
    command = next(line for line in text.splitlines() if line.startswith("ACL SETUSER"))
    redis_server.client.execute_command(*command.replace("PASSWORD", "secret").split())
    redis_server.client.execute_command("ACL", "SETUSER", "default", "off")
    url = redis_server.url.replace("//", "//desk:secret@")
    leader, other = Member(url), Member(url)
    leader.lead(1)
    try:
        for member in (leader, other):
            member.bus.start()
        leader.price()
        wait_for(lambda: other.held() == leader.newest, what="the quote")
        late = Member(url)
        late.bus.start()
        wait_for(lambda: late.held() == leader.newest, what="the snapshot")
        late.bus.stop()
        counts = SharedCounts(url)
        assert 1 == counts.add("a", 1, 60)
        assert 1 == counts.get("a")[0]
        counts.clear("a")
        counts.close()
    finally:
        leader.bus.stop()
        other.bus.stop()


IN_MODE = """
import sys
from omcrm.concurrency import patch
patch(sys.argv[1])
import threading, time
from omcrm.engine.bus import LoginEnded
from tests.engine.bus_processes import Member
from tests.processes import wait_for

url = sys.argv[2]
leader, other = Member(url, 1), Member(url)
other.record(LoginEnded)
for member in (leader, other):
    member.bus.start()
leader.joined(), other.joined()
wait_for(lambda: other.bus.status().processes == 2, what="the leader's heartbeat")
print("joined", flush=True)
ticks = 0
stopped = threading.Event()

def publish():
    global ticks
    while not stopped.is_set():
        leader.price(f"S{ticks % 5}")
        ticks += 1
        time.sleep(0.001)

thread = threading.Thread(target=publish)
thread.start()
sys.stdin.readline()
wait_for(lambda: leader.bus.lost_since and other.bus.lost_since, what="the loss")
before = ticks
wait_for(lambda: ticks > before + 200, what="prices meanwhile")
leader.bus.publish(LoginEnded("hash"))
print("lost", flush=True)
sys.stdin.readline()
leader.joined(), other.joined()
stopped.set()
thread.join()
wait_for(lambda: other.held() == leader.newest, what="the newest quotes")
wait_for(lambda: other.received == [LoginEnded("hash")], what="the message")
leader.bus.stop()
other.bus.stop()
assert [] == [t.name for t in threading.enumerate() if t.name.startswith("bus-")]
print("ended", flush=True)
"""


@pytest.mark.parametrize("fault", ["kill", "pause"])
@pytest.mark.parametrize("mode", MODES)
def test_it_works_on_each_kind_of_threads(mode: str, fault: str, redis_server: RedisServer) -> None:
    """A lost server stops no other thread, and the bus joins again and ends."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", IN_MODE, mode, redis_server.url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert "joined\n" == process.stdout.readline()
        redis_server.kill() if fault == "kill" else redis_server.pause()
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert "lost\n" == process.stdout.readline()
        redis_server.start() if fault == "kill" else redis_server.resume()
        out, _ = process.communicate("go on\n", timeout=2 * PATIENCE)
        assert "ended\n" == out
    finally:
        redis_server.resume()
        process.kill()
        process.communicate()
