"""The four channels over real sockets.

Long for a reason: it is the whole conversation.
"""

import json
import random
import time
from contextlib import ExitStack
from typing import Any

import pytest

from omcrm.errors import MessageRefused
from omcrm.gateways.finance_query import BOARD, content
from omcrm.gateways.finance_query.channels import FinanceQueryChannel, QuotesChannel, read_symbols
from omcrm.gateways.registry import DIALECTS
from tests.gateways.clients import client, services
from tests.gateways.here import OURS, Make, Served, Speaker
from tests.processes import wait_for
from tests.streaming.raw_client import BINARY, PING, PONG, frame

PATHS = ("/hours", "/market", "/profile/BTC", "/quotes")
QUICK = 0.1


@pytest.fixture
def quick(here: Served) -> Served:
    """An app whose intervals are short."""
    here.app.extensions[BOARD].interval = QUICK
    return here


def computed(here: Served, channel: str) -> int:
    counts: dict[str, Any] = here.client_registry.counts()["dialects"].get(channel, {})
    return int(counts.get("computed", 0))


def hear(speaker: Speaker) -> Any:
    """The next message, without the metadata that come with the first."""
    told = speaker.hear()
    if isinstance(told, list):
        return [row for row in told if "metadata" not in row]
    return {name: value for name, value in told.items() if name != "metadata"}


def test_all_four_are_served() -> None:
    """Each has a line in the registry."""
    assert set(FinanceQueryChannel.__subclasses__()) <= set(DIALECTS)
    assert 4 == len(FinanceQueryChannel.__subclasses__())


@pytest.mark.parametrize("path", PATHS)
def test_it_is_told_at_once_and_at_each_interval(quick: Served, path: str) -> None:
    """In text frames, whether or not anything changed."""
    with quick.speaker(path) as speaker:
        if path == "/quotes":
            speaker.say("BTC")
        told = [hear(speaker) for _ in range(3)]

    assert 3 == len(told)
    if path in ("/quotes", "/profile/BTC"):
        assert told[0] == told[1] == told[2]


def test_nothing_runs_when_nobody_looks(quick: Served) -> None:
    """The clock of the channels ends with the last client."""
    with quick.speaker("/hours") as speaker:
        # The second message comes from it.
        hear(speaker)
        hear(speaker)
        assert quick.app.extensions[BOARD]._running

    wait_for(lambda: not quick.app.extensions[BOARD]._running)


# What is told


def test_hours(quick: Served) -> None:
    """Status, reason, timestamp."""
    with quick.speaker("/hours") as speaker:
        told = hear(speaker)

    assert ["status", "reason", "timestamp"] == list(told)


def test_the_market(quick: Served) -> None:
    """Every part is there, and what it is computed from."""
    quick.price("BTC")
    with quick.speaker("/market") as speaker:
        told = hear(speaker)

    parts = ["actives", "gainers", "losers", "indices", "headlines", "sectors", "universe"]
    assert parts == list(told)
    assert "catalogue" == told["universe"]


def test_a_profile_is_found_however_it_is_spelled(quick: Served) -> None:
    """Lower case, too; and what is not followed is null."""
    with quick.speaker("/profile/aapl") as known, quick.speaker("/profile/NOPE") as unknown:
        one, other = hear(known), hear(unknown)

    assert ["quote", "similar", "sectorPerformance", "news", "universe"] == list(one) == list(other)
    assert "AAPL" == one["quote"]["symbol"]
    assert (None, [], None, []) == tuple(other.values())[:4]


def test_a_part_that_fails_ends_no_connection(
    quick: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is empty, and comes back when it can be had again."""
    news = quick.market.news
    monkeypatch.setattr(quick.market, "news", None)
    with quick.speaker("/market") as speaker:
        broken = [hear(speaker) for _ in range(2)]
        monkeypatch.setattr(quick.market, "news", news)
        hear(speaker)
        whole = hear(speaker)

    assert [[], []] == [message["headlines"] for message in broken]
    assert whole == broken[0]


def test_prices_are_texts(quick: Served) -> None:
    """With the instrument's digits; what only the last resort knows is null."""
    number = quick.price("BTC").seq
    # Quotes are read from the cache, where this one would come by way of its source.
    quick.market.cache._quotes["BTC"] = quick.price("BTC")
    with quick.speaker("/quotes") as speaker:
        speaker.say("BTC,AAPL")
        btc, aapl = hear(speaker)

    assert f"{number + 1}.00" == btc["price"]
    assert {
        "symbol": "AAPL",
        "name": "Apple",
        "price": None,
        "change": None,
    }.items() <= aapl.items()


# Lists of quotes


def test_a_list_is_replaced_by_the_next(quick: Served) -> None:
    """In the order asked, each symbol once; blanks and lower case do not matter."""
    with quick.speaker("/quotes") as speaker:
        speaker.say(" msft, AAPL ,,BTC,aapl\n")
        first = hear(speaker)
        speaker.say("ETH,NOPE")
        while (second := hear(speaker)) == first:
            pass
        third = hear(speaker)
        (client,) = quick.client_registry.clients(dialect=QuotesChannel.name)
        wait_for(lambda: {"ETH", "NOPE"} == client.subscriptions, 5)

    assert ["MSFT", "AAPL", "BTC"] == [row["symbol"] for row in first]
    assert [("ETH", "Ethereum"), ("NOPE", None)] == [(row["symbol"], row["name"]) for row in third]
    assert second == third


def test_a_wrong_list_is_answered_and_changes_nothing(serve: Make) -> None:
    """Empty, no symbols, or too many: the error says which, and the old list goes on."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="3")
    here.app.extensions[BOARD].interval = QUICK
    errors: list[Any] = []
    with here.speaker("/quotes") as speaker:
        speaker.say("BTC")
        hear(speaker)
        speaker.say(" , ", "BTC,<script>", '["BTC"]', "A,B,C,D")
        speaker.raw.send(frame(BINARY, b"BTC"))
        while len(errors) < 5:
            if isinstance(told := hear(speaker), dict):
                errors.append(told)
        [row] = hear(speaker)

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
    """They say so and go on; ten of them close it, as on every raw WebSocket."""
    with quick.speaker(path) as speaker:
        hear(speaker)
        speaker.say("BTC")
        while "error" not in (told := hear(speaker)):
            pass
        assert {"error": "This channel takes no messages", "code": "UNKNOWN_MESSAGE"} == told
        assert "error" not in hear(speaker)
        speaker.say(*["BTC"] * 9)
        assert (1008, "too many bad messages") == speaker.end()


def read(said: str) -> tuple[tuple[str, ...], MessageRefused | None]:
    try:
        return read_symbols(said), None
    except MessageRefused as refusal:
        return (), refusal


def test_thousands_of_lists(tries: int) -> None:
    """Whatever is said, it is a list of symbols as they can be told back, or refused in words."""
    chance, refused = random.Random(20260304), 0
    letters = "abcXYZ019.,,, ^=/-_\n\t<>\"'\\{}[]\x00\x7fäß\u2028\U0001f600"
    for _ in range(tries):
        said = "".join(chance.choices(letters, k=chance.randrange(30)))
        said += chance.choice(("", "", "BTC", ",AAPL", "," * 50, "A" * 30))
        symbols, refusal = read(said)
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


# Sharing


def test_twenty_on_sockets_share_what_is_computed(here: Served) -> None:
    """Each interval each part is computed once; lists in another order share their rows."""
    here.app.extensions[BOARD].interval = 0.3
    here.client_registry._most = 50
    token, began = here.token(), time.monotonic()
    lists = ("BTC,ETH,AAPL", "AAPL,BTC,ETH")
    with ExitStack() as stack:
        speakers = [
            stack.enter_context(here.speaker(PATHS[number % 4], token)) for number in range(20)
        ]
        for number, speaker in enumerate(speakers):
            if number % 4 == 3:
                speaker.say(lists[number % 8 == 3])
        for speaker in speakers:
            for _ in range(4):
                hear(speaker)
        counts = {part: computed(here, part) for part in (content.HOURS, content.QUOTES)}
        turns = int((time.monotonic() - began) / 0.3) + 1

    assert 4 <= counts[content.HOURS] <= turns
    # Their own three, and the seven others that are like BTC and so in its profile.
    assert 4 * 3 <= counts[content.QUOTES] <= turns * 10
    assert 1 == len({speaker.texts[-1] for speaker in speakers[3::8]})


def test_five_hundred_lists_cost_no_more_than_one(here: Served) -> None:
    """Whatever their order, each row is made once."""
    of, chance = services(most=1000), random.Random(1)
    dialect = QuotesChannel(here.market)
    symbols = ["BTC", "ETH", "SOL", "AAPL", "MSFT"]
    clients = [client(of, dialect, None, f"10.0.0.{number}") for number in range(500)]
    here.app.extensions[BOARD].interval = 60
    with here.app.app_context():
        began = time.thread_time()
        for subscriber in clients:
            dialect.opened(subscriber)
            dialect.received(subscriber, ",".join(chance.sample(symbols, 5)))
        took = time.thread_time() - began
        rows = computed(here, content.QUOTES)
        here.app.extensions[BOARD]._tell_all()
        later = computed(here, content.QUOTES)
        for subscriber in clients:
            dialect.closed(subscriber)

    assert (5, 10) == (rows, later)
    assert took < 5


def test_a_slow_reader_costs_only_itself(here: Served) -> None:
    """It misses what it has no room for, others do not, and then it is told the newest."""
    board, token = here.app.extensions[BOARD], here.token()
    board.interval = 0.002
    with (
        here.speaker("/market", token, receive_buffer=2048) as slow,
        here.speaker("/market", token) as fast,
    ):
        [held, _] = here.client_registry.clients()
        heard = 0
        while not held._connection.blocked:
            hear(fast)
            heard += 1
        board.interval = QUICK
        for _ in range(5):
            hear(fast)
        told = until_pong(slow)
        heard += 5 + until_pong(fast)

        assert told < heard
        assert "universe" in hear(slow)


def until_pong(speaker: Speaker) -> int:
    """How many messages come before the answer to a ping of now."""
    speaker.raw.send(frame(PING, b"alive?"))
    messages = 0
    while (read := speaker.raw.read()).opcode != PONG:
        json.loads(read.payload)
        messages += 1
    return messages


# Who may ask, and how often


def test_the_first_message_tells_what_is_left(quick: Served) -> None:
    """As the first element of a list, as a key of an object; the next one says nothing of it."""
    token = quick.token()
    first: dict[str, Any] = {}
    for number, path in enumerate(PATHS, 1):
        with quick.speaker(path, token) as speaker:
            if path == "/quotes":
                speaker.say("BTC")
            told, then = speaker.hear(), speaker.hear()
        first[path] = told[0] if isinstance(told, list) else told
        metadata = first[path]["metadata"]

        assert ["rate_limit", "remaining_requests", "reset"] == list(metadata)
        assert (2000, 2000 - number) == (metadata["rate_limit"], metadata["remaining_requests"])
        assert 0 <= metadata["reset"] <= 86_400
        assert "metadata" not in json.dumps(then)

    assert ["metadata"] == list(first["/quotes"])


def test_beyond_the_days_requests_it_is_closed(serve: Make) -> None:
    """Connections count, and lists after the first; a token of somebody else has its own."""
    here = serve(DAILY_REQUEST_LIMIT="3")
    token, other = here.token(), here.token()
    with here.speaker("/quotes", token) as speaker:
        speaker.say("BTC", "ETH", "SOL")
        told = [hear(speaker) for _ in range(3)]
        speaker.say("ADA")
        assert (1008, "Rate limit exceeded") == speaker.end()
    with here.speaker("/hours", token) as speaker:
        assert (1008, "Rate limit exceeded") == speaker.end()
    with here.speaker("/hours", other) as speaker:
        assert "status" in hear(speaker)

    assert ["BTC", "ETH", "SOL"] == [message[0]["symbol"] for message in told]


def test_a_session_may_ask_too(quick: Served) -> None:
    """From our own pages; its requests are its user's."""
    cookie = quick.session(quick.create_user())
    with Speaker.open(quick.port, "/hours", cookie, OURS) as speaker:
        told = speaker.hear()

    assert 1999 == told["metadata"]["remaining_requests"]


@pytest.mark.parametrize("path", PATHS)
def test_strangers_are_refused(here: Served, path: str) -> None:
    """In HTTP, before there is a WebSocket; so is a token that was not made for it."""
    status, body = here.status(path)
    token = here.token(scopes=("portfolio:read",))
    other_status, other = here.status(path, f"x-api-key: {token}")

    assert (401, "AUTHENTICATION_REQUIRED") == (status, body["error"]["code"])
    assert (403, "INSUFFICIENT_SCOPE") == (other_status, other["error"]["code"])


def test_without_security_anybody_may_read_and_nothing_is_counted(serve: Make) -> None:
    """There are no metadata, and no limit of a day, with a token neither."""
    here = serve(USE_SECURITY="false", DAILY_REQUEST_LIMIT="1")
    token = here.token()
    for number, path in enumerate(PATHS * 2):
        speaker = here.speaker(path, token) if number % 2 else Speaker.open(here.port, path)
        with speaker:
            if path == "/quotes":
                speaker.say("BTC")
            assert "metadata" not in json.dumps(speaker.hear())


@pytest.mark.parametrize("path", PATHS)
def test_a_plain_get_is_asked_to_upgrade(here: Served, path: str) -> None:
    """There is no page there."""
    response = here.app.test_client().get(path)

    assert 426 == response.status_code
