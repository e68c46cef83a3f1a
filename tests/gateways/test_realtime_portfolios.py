"""Portfolios on `/ws/realtime/`, over real sockets: what is told of them, and to whom."""

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
    """The owner of the program."""
    return here.create_user()


@pytest.fixture
def speaker(here: Served, user: int) -> Iterator[Enveloped]:
    """A connected program, after its greeting."""
    with program(here, user) as connected:
        yield connected


# What is told


def test_the_database_is_away(
    here: Served, user: int, speaker: Enveloped, caplog: pytest.LogCaptureFixture
) -> None:
    """That is said, the connection lives on, and portfolios that are known are told as before."""
    trades(here, "BTC", "60000")
    number = hold(here, user, BTC="1")
    speaker.tell("subscribe_portfolio", portfolio_id=number)
    speaker.told("portfolio_update")
    with here.app.app_context():
        db.drop_all()
    kind, data = speaker.answer("get_portfolio_value", portfolio_id=number)
    trades(here, "BTC", "60600")

    assert ("error", "DATABASE_UNAVAILABLE") == (kind, data["code"])
    assert 60600 == speaker.told("portfolio_update")["total_value"]
    assert "pong" == speaker.answer("ping")[0]
    assert "Traceback" not in caplog.text


def test_a_portfolio_is_confirmed_and_then_told(
    here: Served, user: int, speaker: Enveloped
) -> None:
    """First the answer, then what it is worth, then each change of that."""
    trades(here, "BTC", "60000", opened="50000")
    number = hold(here, user, BTC="0.5")
    speaker.tell("subscribe_portfolio", portfolio_id=number)
    answer, update = speaker.hear(), speaker.hear()
    trades(here, "BTC", "60600", opened="50000")
    moved = speaker.told("portfolio_update")

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


def test_a_portfolio_may_be_named_by_text(here: Served, user: int, speaker: Enveloped) -> None:
    """As pages have it in their attributes."""
    number = hold(here, user)
    kind, data = speaker.answer("subscribe_portfolio", portfolio_id=str(number))

    assert ("subscription_confirmed", number) == (kind, data["portfolio_id"])
    assert 0 == speaker.told("portfolio_update")["total_value"]


def test_an_edit_is_told(here: Served, user: int, speaker: Enveloped) -> None:
    """What is added, changed, renamed and removed shows at once, without any new price."""
    trades(here, "BTC", "60000")
    number = hold(here, user, BTC="1")
    speaker.tell("subscribe_portfolio", portfolio_id=number)
    values = [speaker.told("portfolio_update")["total_value"]]
    with here.app.app_context():
        service.put_holding(user, number, "BTC", "2", "1")
        values.append(speaker.told("portfolio_update")["total_value"])
        service.rename(user, number, "Safe")
        renamed = speaker.told("portfolio_update")
        service.remove_holding(user, number, "BTC")
        values.append(speaker.told("portfolio_update")["total_value"])

    assert [60000, 120000, 0] == values
    assert "Safe" == renamed["name"]


def test_a_deleted_portfolio_ends(here: Served, user: int, speaker: Enveloped) -> None:
    """Its subscription is given back, and who watched it is told."""
    number = hold(here, user)
    speaker.answer("subscribe_portfolio", portfolio_id=number)
    speaker.told("portfolio_update")
    with here.app.app_context():
        service.delete(user, number)
    told = speaker.told("error")

    assert ("Access denied to portfolio", number) == (told["message"], told["portfolio_id"])
    wait_for(lambda: not here.registry.clients()[0].subscriptions, 5)


def test_unsubscribing_from_a_portfolio(
    threads: Threads, here: Served, user: int, speaker: Enveloped
) -> None:
    """Prices of what it holds are not told any more."""
    number = hold(here, user, BTC="1")
    speaker.answer("subscribe_portfolio", portfolio_id=number)
    speaker.told("portfolio_update")
    answer = speaker.answer("unsubscribe_portfolio", portfolio_id=number)
    trades(here, "BTC", "60000")

    assert ("unsubscription_confirmed", {"type": "portfolio", "portfolio_id": number}) == answer
    wait_for(lambda: not threads.count("portfolios"), what="the end of the thread")
    assert [] == speaker.hear_all()


def test_the_value_now(here: Served, user: int, speaker: Enveloped) -> None:
    """Without subscribing; null where nothing that counts has a price."""
    trades(here, "BTC", "60000")
    number, fixed = hold(here, user, BTC="0.5"), hold(here, user, "Fixed", AAPL="3")
    kind, data = speaker.answer("get_portfolio_value", portfolio_id=number)
    _, unknown = speaker.answer("get_portfolio_value", portfolio_id=fixed)

    assert ("portfolio_value", number, 30000) == (kind, data["portfolio_id"], data["value"])
    assert data["timestamp"].endswith("Z")
    assert None is unknown["value"]
    assert False is unknown["coverage"]["is_complete"]


def test_valuations_are_rationed(here: Served, user: int, speaker: Enveloped) -> None:
    """Who asks for too many is told to subscribe, and the connection lives."""
    number = hold(here, user)
    (client,) = here.registry.clients()
    client.state.holdings._held = 1.5
    client.state.holdings._rate = 0.0
    first = speaker.answer("get_portfolio_value", portfolio_id=number)
    second = speaker.answer("get_portfolio_value", portfolio_id=number)

    assert "portfolio_value" == first[0]
    assert "RATE_LIMITED" == second[1]["code"]
    assert "pong" == speaker.answer("ping")[0]


# Whose they are


@pytest.mark.parametrize(
    "kind", ["subscribe_portfolio", "unsubscribe_portfolio", "get_portfolio_value"]
)
def test_somebody_elses_is_like_none(
    here: Served, user: int, speaker: Enveloped, kind: str
) -> None:
    """Word for word; nobody sees another's, an administrator included."""
    theirs = hold(here, here.create_user(), BTC="1")
    answers = [
        speaker.answer(kind, portfolio_id=number) for number in (theirs, theirs + 1, 0, -1, 10**30)
    ]
    with program(here, here.create_user(Role.ADMIN)) as admin:
        answers.append(admin.answer(kind, portfolio_id=theirs))

    assert {"Access denied to portfolio"} == {error(answer) for answer in answers}
    assert {"ACCESS_DENIED"} == {data["code"] for _, data in answers}
    assert {"message", "code", "portfolio_id"} == set().union(*(data for _, data in answers))
    assert set() == here.registry.clients()[0].subscriptions


def test_two_users_are_apart(here: Served, user: int, speaker: Enveloped) -> None:
    """Each is told of its own, however alike they are."""
    other = here.create_user()
    trades(here, "BTC", "60000")
    mine, theirs = hold(here, user, BTC="1"), hold(here, other, BTC="2")
    with program(here, other) as second:
        for subscriber, number in ((speaker, mine), (second, theirs)):
            subscriber.answer("subscribe_portfolio", portfolio_id=number)
            subscriber.told("portfolio_update")
        trades(here, "BTC", "60600")
        told = [subscriber.told("portfolio_update") for subscriber in (speaker, second)]
        with here.app.app_context():
            service.rename(other, theirs, "Secret")
        assert "Secret" == second.told("portfolio_update")["name"]

    assert [(mine, 60600), (theirs, 121200)] == [
        (update["portfolio_id"], update["total_value"]) for update in told
    ]
    assert [] == speaker.hear_all()


def test_a_token_that_was_not_made_for_portfolios(here: Served, user: int) -> None:
    """Is told so, in the same words, and sees prices."""
    number = hold(here, user)
    with program(here, user, ("market:read",)) as weak:
        answer = weak.answer("subscribe_portfolio", portfolio_id=number)

        assert ("Access denied to portfolio", "INSUFFICIENT_SCOPE") == (
            error(answer),
            answer[1]["code"],
        )
        assert "asset_price" == weak.answer("get_asset_price", symbol="BTC")[0]


def test_without_security_strangers_see_prices_only(serve: Make) -> None:
    """They are nobody, and portfolios have owners."""
    here = serve(USE_SECURITY="false")
    number = hold(here, here.create_user())
    with Enveloped.open(here.port, REALTIME) as stranger:
        greeting = stranger.told("connection")
        answer = stranger.answer("subscribe_portfolio", portfolio_id=number)
        also = stranger.answer("subscribe_asset", symbol="BTC")

    assert (False, None) == (greeting["authenticated"], greeting["user_id"])
    assert "Authentication required" == error(answer)
    assert "subscription_confirmed" == also[0]


# The end


def test_who_leaves_leaves_nothing(threads: Threads, here: Served, user: int) -> None:
    """No subscription, no subscriber and no thread."""
    number = hold(here, user, BTC="1")
    with program(here, user) as speaker:
        speaker.answer("subscribe_asset", symbol="BTC")
        speaker.answer("subscribe_portfolio", portfolio_id=number)
        speaker.told("portfolio_update")
        assert 1 == threads.count("portfolios")

    wait_for(lambda: not here.registry.clients(), 5)
    wait_for(lambda: not threads.count("portfolios"), what="the end of the thread")
    assert not here.market.fanout.is_watched("BTC")
