"""Portfolios on `/ws/realtime/` over real sockets: updates and access."""

from collections.abc import Iterator

import pytest

from omcrm.extensions import db
from omcrm.portfolio import service
from omcrm.storage.user import Role
from tests.gateways.enveloped import REALTIME, Enveloped, error, hold, program, trades
from tests.gateways.here import Make, Served
from tests.processes import wait_for
from tests.threads import Threads

PORTFOLIO_FIELDS = {
    "portfolio_id",
    "name",
    "total_value",
    "daily_change",
    "daily_change_percent",
    "updated_at",
}


@pytest.fixture
def user(here: Served) -> int:
    """The client's user."""
    return here.create_user()


@pytest.fixture
def peer(here: Served, user: int) -> Iterator[Enveloped]:
    """A connected client, after its `connection` message."""
    with program(here, user) as connected:
        yield connected


# Updates


def test_the_database_is_away(
    here: Served, user: int, peer: Enveloped, caplog: pytest.LogCaptureFixture
) -> None:
    """A request is answered with an error, the connection stays open, and updates go on."""
    trades(here, "BTC", "60000")
    number = hold(here, user, BTC="1")
    peer.send_message("subscribe_portfolio", portfolio_id=number)
    peer.receive_data("portfolio_update")
    with here.app.app_context():
        db.drop_all()
    kind, data = peer.answer("get_portfolio_value", portfolio_id=number)
    trades(here, "BTC", "60600")

    assert ("error", "DATABASE_UNAVAILABLE") == (kind, data["code"])
    assert 60600 == peer.receive_data("portfolio_update")["total_value"]
    assert "pong" == peer.answer("ping")[0]
    assert "Traceback" not in caplog.text


def test_a_portfolio_is_confirmed_and_then_sent(here: Served, user: int, peer: Enveloped) -> None:
    """The confirmation is followed by the value, then by each change of it."""
    trades(here, "BTC", "60000", opened="50000")
    number = hold(here, user, BTC="0.5")
    peer.send_message("subscribe_portfolio", portfolio_id=number)
    answer, update = peer.receive(), peer.receive()
    trades(here, "BTC", "60600", opened="50000")
    moved = peer.receive_data("portfolio_update")

    assert ("subscription_confirmed", {"type": "portfolio", "portfolio_id": number}) == (
        answer["type"],
        answer["data"],
    )
    assert "portfolio_update" == update["type"]
    data = update["data"]
    assert PORTFOLIO_FIELDS < data.keys()
    assert (number, "Growth", 30000, 5000, 20) == tuple(
        data[name]
        for name in ("portfolio_id", "name", "total_value", "daily_change", "daily_change_percent")
    )
    assert {
        "live_percent": 100,
        "is_complete": True,
        "holdings": 1,
        "without_value": 0,
        "without_daily_change": 0,
        "classes": {"live": 1},
    } == data["coverage"]
    assert (30300, 5300) == (moved["total_value"], moved["daily_change"])


def test_a_portfolio_may_be_named_by_text(here: Served, user: int, peer: Enveloped) -> None:
    """Pages have the id as text in their attributes."""
    number = hold(here, user)
    kind, data = peer.answer("subscribe_portfolio", portfolio_id=str(number))

    assert ("subscription_confirmed", number) == (kind, data["portfolio_id"])
    assert 0 == peer.receive_data("portfolio_update")["total_value"]


def test_an_edit_is_sent(here: Served, user: int, peer: Enveloped) -> None:
    """Changing, renaming and removing is sent at once, without a new price."""
    trades(here, "BTC", "60000")
    number = hold(here, user, BTC="1")
    peer.send_message("subscribe_portfolio", portfolio_id=number)
    values = [peer.receive_data("portfolio_update")["total_value"]]
    with here.app.app_context():
        service.put_holding(user, number, "BTC", "2", "1")
        values.append(peer.receive_data("portfolio_update")["total_value"])
        service.rename(user, number, "Safe")
        renamed = peer.receive_data("portfolio_update")
        service.remove_holding(user, number, "BTC")
        values.append(peer.receive_data("portfolio_update")["total_value"])

    assert [60000, 120000, 0] == values
    assert "Safe" == renamed["name"]


def test_a_deleted_portfolio_ends(here: Served, user: int, peer: Enveloped) -> None:
    """Its subscription is released, and the client receives an error."""
    number = hold(here, user)
    peer.answer("subscribe_portfolio", portfolio_id=number)
    peer.receive_data("portfolio_update")
    with here.app.app_context():
        service.delete(user, number)
    data = peer.receive_data("error")

    assert ("Access denied to portfolio", number) == (data["message"], data["portfolio_id"])
    wait_for(lambda: not here.registry.clients()[0].subscriptions, 5)


def test_unsubscribing_from_a_portfolio(
    threads: Threads, here: Served, user: int, peer: Enveloped
) -> None:
    """Its prices cause no updates any more, and the thread ends."""
    number = hold(here, user, BTC="1")
    peer.answer("subscribe_portfolio", portfolio_id=number)
    peer.receive_data("portfolio_update")
    answer = peer.answer("unsubscribe_portfolio", portfolio_id=number)
    trades(here, "BTC", "60000")

    assert ("unsubscription_confirmed", {"type": "portfolio", "portfolio_id": number}) == answer
    wait_for(lambda: not threads.count("portfolios"), what="the end of the thread")
    assert [] == peer.receive_all()


def test_the_current_value(here: Served, user: int, peer: Enveloped) -> None:
    """Without a subscription; null where no holding counts."""
    trades(here, "BTC", "60000")
    number, fixed = hold(here, user, BTC="0.5"), hold(here, user, "Fixed", AAPL="3")
    kind, data = peer.answer("get_portfolio_value", portfolio_id=number)
    _, unknown = peer.answer("get_portfolio_value", portfolio_id=fixed)

    assert ("portfolio_value", number, 30000) == (kind, data["portfolio_id"], data["value"])
    assert data["timestamp"].endswith("Z")
    assert None is unknown["value"]
    assert False is unknown["coverage"]["is_complete"]


def test_valuations_are_limited(here: Served, user: int, peer: Enveloped) -> None:
    """Beyond the budget the answer is an error, and the connection stays open."""
    number = hold(here, user)
    (client,) = here.registry.clients()
    client.state._held = 1.5
    client.state._rate = 0.0
    first = peer.answer("get_portfolio_value", portfolio_id=number)
    second = peer.answer("get_portfolio_value", portfolio_id=number)

    assert "portfolio_value" == first[0]
    assert "RATE_LIMITED" == second[1]["code"]
    assert "pong" == peer.answer("ping")[0]


# Access


@pytest.mark.parametrize(
    "kind", ["subscribe_portfolio", "unsubscribe_portfolio", "get_portfolio_value"]
)
def test_another_users_portfolio_is_refused_like_a_missing_one(
    here: Served, user: int, peer: Enveloped, kind: str
) -> None:
    """With the same message, for administrators too."""
    theirs = hold(here, here.create_user(), BTC="1")
    answers = [
        peer.answer(kind, portfolio_id=number) for number in (theirs, theirs + 1, 0, -1, 10**30)
    ]
    with program(here, here.create_user(Role.ADMIN)) as admin:
        answers.append(admin.answer(kind, portfolio_id=theirs))

    assert {"Access denied to portfolio"} == {error(answer) for answer in answers}
    assert {"ACCESS_DENIED"} == {data["code"] for _, data in answers}
    assert {"message", "code", "portfolio_id"} == set().union(*(data for _, data in answers))
    assert set() == here.registry.clients()[0].subscriptions


def test_users_get_only_their_own_updates(here: Served, user: int, peer: Enveloped) -> None:
    """Although both hold the same instrument."""
    other = here.create_user()
    trades(here, "BTC", "60000")
    mine, theirs = hold(here, user, BTC="1"), hold(here, other, BTC="2")
    with program(here, other) as second:
        for subscriber, number in ((peer, mine), (second, theirs)):
            subscriber.answer("subscribe_portfolio", portfolio_id=number)
            subscriber.receive_data("portfolio_update")
        trades(here, "BTC", "60600")
        updates = [subscriber.receive_data("portfolio_update") for subscriber in (peer, second)]
        with here.app.app_context():
            service.rename(other, theirs, "Secret")
        assert "Secret" == second.receive_data("portfolio_update")["name"]

    assert [(mine, 60600), (theirs, 121200)] == [
        (update["portfolio_id"], update["total_value"]) for update in updates
    ]
    assert [] == peer.receive_all()


def test_a_token_without_the_scope(here: Served, user: int) -> None:
    """It is refused with the same message and another code, and gets prices."""
    number = hold(here, user)
    with program(here, user, ("market:read",)) as weak:
        answer = weak.answer("subscribe_portfolio", portfolio_id=number)

        assert ("Access denied to portfolio", "INSUFFICIENT_SCOPE") == (
            error(answer),
            answer[1]["code"],
        )
        assert "asset_price" == weak.answer("get_asset_price", symbol="BTC")[0]


def test_without_security_anonymous_clients_see_prices_only(serve: Make) -> None:
    """Portfolios need a user."""
    here = serve(USE_SECURITY="false")
    number = hold(here, here.create_user())
    with Enveloped.open(here.port, REALTIME) as stranger:
        greeting = stranger.receive_data("connection")
        answer = stranger.answer("subscribe_portfolio", portfolio_id=number)
        also = stranger.answer("subscribe_asset", symbol="BTC")

    assert (False, None) == (greeting["authenticated"], greeting["user_id"])
    assert "Authentication required" == error(answer)
    assert "subscription_confirmed" == also[0]


# The end


def test_nothing_is_left_of_a_client(threads: Threads, here: Served, user: int) -> None:
    """No subscription, no subscriber at the fan-out and no thread."""
    number = hold(here, user, BTC="1")
    with program(here, user) as peer:
        peer.answer("subscribe_asset", symbol="BTC")
        peer.answer("subscribe_portfolio", portfolio_id=number)
        peer.receive_data("portfolio_update")
        assert 1 == threads.count("portfolios")

    wait_for(lambda: not here.registry.clients(), 5)
    wait_for(lambda: not threads.count("portfolios"), what="the end of the thread")
    assert not here.market.fanout.is_watched("BTC")
