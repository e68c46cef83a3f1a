"""The four channels over real sockets.

Long for a reason: every message of the dialect is here.
"""

import json
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from omcrm.errors import MessageRefused
from omcrm.gateways.finance_query import content
from omcrm.gateways.finance_query.channels import FinanceQueryChannel, QuotesChannel, read_symbols
from omcrm.gateways.registry import DIALECTS
from omcrm.services import services_of
from tests.gateways.clients import client, services
from tests.gateways.here import OURS, JsonPeer, Make, Served
from tests.processes import wait_for
from tests.streaming.raw_client import BINARY, PING, PONG, frame
from tests.threads import is_running

PATHS = ("/hours", "/market", "/profile/BTC", "/quotes")
QUICK = 0.1


@pytest.fixture
def quick(here: Served) -> Served:
    """An app with a short interval."""
    services_of(here.app).publisher.interval = QUICK
    return here


def computed(here: Served, channel: str) -> int:
    return here.registry.counts().dialects.get(channel, {}).get("computed", 0)


def receive(peer: JsonPeer) -> Any:
    """The next message, without the metadata of the first one."""
    message = peer.receive()
    if isinstance(message, list):
        return [row for row in message if "metadata" not in row]
    return {name: value for name, value in message.items() if name != "metadata"}


def test_all_of_them_are_registered() -> None:
    """Each has a line in the registry."""
    channels = set(FinanceQueryChannel.__subclasses__())

    assert channels
    assert channels <= set(DIALECTS)


@pytest.mark.parametrize("path", PATHS)
def test_messages_are_sent_at_once_and_at_each_interval(quick: Served, path: str) -> None:
    """In text frames, whether or not anything changed."""
    with quick.connect(path) as peer:
        if path == "/quotes":
            peer.send("BTC")
        messages = [receive(peer) for _ in range(3)]

    assert 3 == len(messages)
    if path in ("/quotes", "/profile/BTC"):
        assert messages[0] == messages[1] == messages[2]


def test_the_thread_ends_with_the_last_client(quick: Served) -> None:
    """It runs while there is one."""
    with quick.connect("/hours") as peer:
        # The second message is sent by the thread.
        receive(peer)
        receive(peer)
        assert is_running("finance-query")

    wait_for(lambda: not is_running("finance-query"))


# The content of the channels


def test_hours(quick: Served) -> None:
    """Status, reason, timestamp."""
    with quick.connect("/hours") as peer:
        message = receive(peer)

    assert ["status", "reason", "timestamp"] == list(message)


def test_the_market(quick: Served) -> None:
    """Every section is there, and what it is computed from."""
    quick.price("BTC")
    with quick.connect("/market") as peer:
        message = receive(peer)

    sections = ["actives", "gainers", "losers", "indices", "headlines", "sectors", "universe"]
    assert sections == list(message)
    assert "catalogue" == message["universe"]


def test_a_profile_in_any_spelling(quick: Served) -> None:
    """Case does not matter; a symbol that is not followed is null."""
    with quick.connect("/profile/aapl") as known, quick.connect("/profile/NOPE") as unknown:
        one, other = receive(known), receive(unknown)

    assert ["quote", "similar", "sectorPerformance", "news", "universe"] == list(one) == list(other)
    assert "AAPL" == one["quote"]["symbol"]
    assert (None, [], None, []) == tuple(other.values())[:4]


def test_a_section_that_fails_closes_no_connection(
    quick: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is empty until it works again."""
    news = quick.market.news
    monkeypatch.setattr(quick.market, "news", None)
    with quick.connect("/market") as peer:
        broken = [receive(peer) for _ in range(2)]
        monkeypatch.setattr(quick.market, "news", news)
        receive(peer)
        whole = receive(peer)

    assert [[], []] == [message["headlines"] for message in broken]
    assert whole == broken[0]


def test_prices_are_texts(quick: Served) -> None:
    """With the instrument's decimals; a last-resort price is null."""
    number = quick.price("BTC").seq
    # The channel reads quotes from the cache, which `price` does not fill.
    quick.market.cache._quotes["BTC"] = quick.price("BTC")
    with quick.connect("/quotes") as peer:
        peer.send("BTC,AAPL")
        btc, aapl = receive(peer)

    assert f"{number + 1}.00" == btc["price"]
    assert {
        "symbol": "AAPL",
        "name": "Apple",
        "price": None,
        "change": None,
    }.items() <= aapl.items()


# Lists of quotes


def test_a_list_is_replaced_by_the_next(quick: Served) -> None:
    """In the requested order, each symbol once; blanks and case do not matter."""
    with quick.connect("/quotes") as peer:
        peer.send(" msft, AAPL ,,BTC,aapl\n")
        first = receive(peer)
        peer.send("ETH,NOPE")
        while (second := receive(peer)) == first:
            pass
        third = receive(peer)
        (client,) = quick.registry.clients(dialect=QuotesChannel.channel.name)
        wait_for(lambda: {"ETH", "NOPE"} == client.subscriptions, 5)

    assert ["MSFT", "AAPL", "BTC"] == [row["symbol"] for row in first]
    assert [("ETH", "Ethereum"), ("NOPE", None)] == [(row["symbol"], row["name"]) for row in third]
    assert second == third


def test_an_invalid_list_is_answered_and_changes_nothing(serve: Make) -> None:
    """Empty, no symbols, or too many: the error says which, and the old list stays."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="3")
    services_of(here.app).publisher.interval = QUICK
    errors: list[Any] = []
    with here.connect("/quotes") as peer:
        peer.send("BTC")
        receive(peer)
        peer.send(" , ", "BTC,<script>", '["BTC"]', "A,B,C,D")
        peer.raw.send(frame(BINARY, b"BTC"))
        while len(errors) < 5:
            if isinstance(message := receive(peer), dict):
                errors.append(message)
        [row] = receive(peer)

    assert [
        {"error": "Expected symbols, separated by commas", "code": "INVALID_MESSAGE"},
        {"error": "Not a symbol: <SCRIPT>", "code": "INVALID_MESSAGE"},
        {"error": 'Not a symbol: ["BTC"]', "code": "INVALID_MESSAGE"},
        {"error": "Too many symbols: at most 3", "code": "SYMBOL_LIMIT_EXCEEDED"},
        {"error": "Binary messages are not understood", "code": "TEXT_ONLY"},
    ] == errors
    assert "BTC" == row["symbol"]


@pytest.mark.parametrize("path", PATHS[:3])
def test_the_others_take_no_messages(quick: Served, path: str) -> None:
    """They answer with an error; ten messages close it, as on every raw WebSocket."""
    with quick.connect(path) as peer:
        receive(peer)
        peer.send("BTC")
        while "error" not in (message := receive(peer)):
            pass
        assert {"error": "This channel takes no messages", "code": "UNKNOWN_MESSAGE"} == message
        assert "error" not in receive(peer)
        peer.send(*["BTC"] * 9)
        assert (1008, "too many bad messages") == peer.end()


def read(text: str) -> tuple[tuple[str, ...], MessageRefused | None]:
    try:
        return read_symbols(text), None
    except MessageRefused as refusal:
        return (), refusal


def test_thousands_of_lists(tries: int) -> None:
    """Random text gives a list of printable symbols, or a short error."""
    chance, refused = random.Random(20260304), 0
    letters = "abcXYZ019.,,, ^=/-_\n\t<>\"'\\{}[]\x00\x7fäß\u2028\U0001f600"
    for _ in range(tries):
        text = "".join(chance.choices(letters, k=chance.randrange(30)))
        text += chance.choice(("", "", "BTC", ",AAPL", "," * 50, "A" * 30))
        symbols, refusal = read(text)
        if refusal is not None:
            refused += 1
            assert len(refusal.message) < 60
            continue
        assert symbols
        assert len(symbols) == len(set(symbols))
        assert all(
            symbol.isascii() and symbol.isprintable() and len(symbol) <= 20 for symbol in symbols
        )

    assert 0.25 < refused / tries < 0.995


# Shared computations


def test_twenty_on_sockets_share_what_is_computed(here: Served) -> None:
    """Each message is computed once per interval; lists in another order share their rows."""
    services_of(here.app).publisher.interval = 0.3
    # A user may not have so many connections.
    tokens, began = [here.token() for _ in range(10)], time.monotonic()
    lists = ("BTC,ETH,AAPL", "AAPL,BTC,ETH")
    with ExitStack() as stack:
        peers = [
            stack.enter_context(here.connect(PATHS[number % 4], tokens[number // 2]))
            for number in range(20)
        ]
        for number, peer in enumerate(peers):
            if number % 4 == 3:
                peer.send(lists[number % 8 == 3])
        for peer in peers:
            for _ in range(4):
                receive(peer)
        counts = {
            channel: computed(here, channel)
            for channel in (content.HOURS.name, content.QUOTES.name)
        }
        intervals = int((time.monotonic() - began) / 0.3) + 1

    assert 4 <= counts[content.HOURS.name] <= intervals
    # Three of the lists, and seven that are similar to BTC and so in its profile.
    assert 4 * 3 <= counts[content.QUOTES.name] <= intervals * 10
    assert 1 == len({peer.texts[-1] for peer in peers[3::8]})


def test_five_hundred_lists_cost_no_more_than_one(here: Served) -> None:
    """In any order of symbols each row is computed once."""
    of, chance = services(most=1000), random.Random(1)
    dialect = QuotesChannel(here.market)
    symbols = ["BTC", "ETH", "SOL", "AAPL", "MSFT"]
    clients = [client(of, dialect, None, f"10.0.0.{number}") for number in range(500)]
    services_of(here.app).publisher.interval = 60
    with here.app.app_context():
        began = time.thread_time()
        for subscriber in clients:
            dialect.opened(subscriber)
            dialect.received(subscriber, ",".join(chance.sample(symbols, 5)))
        took = time.thread_time() - began
        rows = computed(here, content.QUOTES.name)
        services_of(here.app).publisher._publish_all()
        later = computed(here, content.QUOTES.name)
        for subscriber in clients:
            dialect.closed(subscriber)

    assert (5, 10) == (rows, later)
    assert took < 5


def test_a_slow_reader_costs_only_itself(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It skips messages, others do not, and then it receives the newest."""
    publisher, token = services_of(here.app).publisher, here.token()
    with (
        here.connect("/market", token, receive_buffer=2048) as slow,
        here.connect("/market", token) as fast,
    ):
        [held, _] = here.registry.clients()
        # What the server offers the slow one, and whether it could take it.
        offers: list[bool] = []
        monkeypatch.setattr(held, "try_send", noted(held.try_send, offers))
        publisher.interval = 0.002
        while offers.count(False) < 100:
            receive(fast)
        publisher.interval = QUICK
        for _ in range(5):
            receive(fast)

        assert until_pong(slow) < len(offers)
        assert "universe" in receive(slow)


def noted(try_send: Callable[[Any], bool], offers: list[bool]) -> Callable[[Any], bool]:
    """The same, with a note of every result."""

    def send(message: Any) -> bool:
        offers.append(try_send(message))
        return offers[-1]

    return send


def until_pong(peer: JsonPeer) -> int:
    """How many messages come before the answer to a ping of now."""
    peer.raw.send(frame(PING, b"alive?"))
    messages = 0
    while (read := peer.raw.read()).opcode != PONG:
        json.loads(read.payload)
        messages += 1
    return messages


# Credentials and the daily limit


def test_the_first_message_has_the_remaining_requests(quick: Served) -> None:
    """As the first element of a list or a key of an object; the next one has no metadata."""
    token = quick.token()
    by_path: dict[str, Any] = {}
    for number, path in enumerate(PATHS, 1):
        with quick.connect(path, token) as peer:
            if path == "/quotes":
                peer.send("BTC")
            first, second = peer.receive(), peer.receive()
        by_path[path] = first[0] if isinstance(first, list) else first
        metadata = by_path[path]["metadata"]

        assert ["rate_limit", "remaining_requests", "reset"] == list(metadata)
        assert (2000, 2000 - number) == (metadata["rate_limit"], metadata["remaining_requests"])
        assert 0 <= metadata["reset"] <= 86_400
        assert "metadata" not in json.dumps(second)

    assert ["metadata"] == list(by_path["/quotes"])


def test_beyond_the_daily_limit_the_client_is_closed(serve: Make) -> None:
    """Connections count, and lists after the first; another token has its own limit."""
    here = serve(DAILY_REQUEST_LIMIT="3")
    token, other = here.token(), here.token()
    with here.connect("/quotes", token) as peer:
        peer.send("BTC", "ETH", "SOL")
        messages = [receive(peer) for _ in range(3)]
        peer.send("ADA")
        assert (1008, "Rate limit exceeded") == peer.end()
    with here.connect("/hours", token) as peer:
        assert (1008, "Rate limit exceeded") == peer.end()
    with here.connect("/hours", other) as peer:
        assert "status" in receive(peer)

    assert ["BTC", "ETH", "SOL"] == [message[0]["symbol"] for message in messages]


def test_a_session_has_a_daily_limit(quick: Served) -> None:
    """Its requests count for its user."""
    cookie = quick.session(quick.create_user())
    with JsonPeer.open(quick.port, "/hours", cookie, OURS) as peer:
        message = peer.receive()

    assert 1999 == message["metadata"]["remaining_requests"]


@pytest.mark.parametrize("path", PATHS)
def test_handshakes_without_rights_are_refused(here: Served, path: str) -> None:
    """In HTTP: without a credential, and with a token without the scope."""
    status, body = here.status(path)
    token = here.token(scopes=("portfolio:read",))
    other_status, other = here.status(path, f"x-api-key: {token}")

    assert (401, "AUTHENTICATION_REQUIRED") == (status, body["error"]["code"])
    assert (403, "INSUFFICIENT_SCOPE") == (other_status, other["error"]["code"])


def test_without_security_there_is_no_daily_limit(serve: Make) -> None:
    """And no metadata, with a token neither."""
    here = serve(USE_SECURITY="false", DAILY_REQUEST_LIMIT="1")
    token = here.token()
    for number, path in enumerate(PATHS * 2):
        peer = here.connect(path, token) if number % 2 else JsonPeer.open(here.port, path)
        with peer:
            if path == "/quotes":
                peer.send("BTC")
            assert "metadata" not in json.dumps(peer.receive())


@pytest.mark.parametrize("path", PATHS)
def test_a_plain_get_is_426(here: Served, path: str) -> None:
    """There is no page at these paths."""
    response = here.app.test_client().get(path)

    assert 426 == response.status_code
