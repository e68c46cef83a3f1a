"""Random messages to `/ws/realtime/` are answered or refused, and nothing crashes."""

import json
import random
from typing import Any

from omcrm.auth.credential import session_caller
from omcrm.errors import MessageRefused
from omcrm.gateways.realtime import Realtime
from omcrm.gateways.realtime_message import MESSAGE_TYPES
from omcrm.storage.user import Role
from tests.gateways.clients import client, services
from tests.gateways.enveloped import REALTIME, SCOPES, Enveloped, hold
from tests.gateways.here import Served
from tests.processes import wait_for
from tests.threads import is_running

KEYS = ("type", "data", "symbol", "portfolio_id", "timestamp", "")
TEXTS = (*MESSAGE_TYPES, "BTC", "eth ", "AAPL", "NOPE", "1", "2", "")
NUMBERS = (None, True, -1, 0, 1, 2, 3, 2**31, 10**30, 1.0, 1.5, -1e308)


def value(chance: random.Random, depth: int = 0) -> Any:
    """A random value, valid or not."""
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind < 2:
        return chance.choice(TEXTS)
    if kind < 4:
        return chance.choice(NUMBERS)
    if kind == 4:
        return "".join(chr(chance.choice((0, 34, 92, 127, 233, 0x2028, 0x1F600))) for _ in range(5))
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def message(chance: random.Random) -> str:
    """A message that may be valid, nearly valid, or nonsense."""
    data = {"symbol": chance.choice(TEXTS), "portfolio_id": chance.choice(NUMBERS)}
    body: Any = {"type": chance.choice(list(MESSAGE_TYPES)), "data": data}
    if chance.random() < 0.3:
        data[chance.choice(KEYS)] = value(chance)
    if chance.random() < 0.2:
        body[chance.choice(KEYS)] = value(chance)
    text = json.dumps(value(chance) if chance.random() < 0.1 else body)
    if chance.random() < 0.2:
        cut = chance.randrange(len(text))
        text = text[:cut] + chr(chance.randrange(128)) + text[cut + chance.randrange(3) :]
    return text


def test_thousands_of_messages(here: Served, tries: int) -> None:
    """Each is answered or refused; subscriptions stay within the limit, and never include another
    user's portfolio."""
    chance, dialect = random.Random(20260304), Realtime(here.market)
    owner, other = here.create_user(), here.create_user()
    mine, theirs = hold(here, owner, BTC="1"), hold(here, other, BTC="2")
    assert (1, 2) == (mine, theirs)
    caller = session_caller(owner, Role.CLIENT, "test")
    one = client(services(subscriptions=3), dialect, caller)
    refused = 0
    with here.app.app_context():
        dialect.opened(one)
        for _ in range(tries):
            try:
                dialect.received(one, message(chance))
            except MessageRefused as refusal:
                refused += 1
                json.loads(dialect.error(refusal))
            assert len(one.subscriptions) <= 3
            assert ("portfolio", theirs) not in one.subscriptions
        dialect.closed(one)

    assert 0.2 < refused / tries < 0.8
    wait_for(lambda: not is_running("portfolios"), what="the end of the thread")


def test_hundreds_of_messages_over_sockets(here: Served) -> None:
    """Each answer is an envelope, and the next connection works."""
    chance, user = random.Random(5), here.create_user()
    hold(here, user, BTC="1")
    token, kinds = here.token(user, SCOPES), set[str]()
    for _ in range(20):
        with Enveloped.open(here.port, REALTIME, f"x-api-key: {token}") as one:
            messages = [message(chance) for _ in range(9)]
            one.send(*messages)
            one.send_message("get_asset_price", symbol="THE END")
            while (received := one.receive())["data"].get("symbol") != "THE END":
                kinds.add(received["type"])
                assert {"type", "data", "timestamp"} == received.keys()

    assert {"connection", "error"} <= kinds
    with Enveloped.open(here.port, REALTIME, f"x-api-key: {token}") as one:
        one.receive_until("connection")
        assert "pong" == one.answer("ping")[0]
