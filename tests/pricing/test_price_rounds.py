from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from omcrm.engine.market_view import QuoteCache
from omcrm.errors import LeaseLost
from omcrm.extensions import db
from omcrm.pricing.price_rounds import PriceRounds, RoundPlan
from omcrm.storage.asset_price import latest_prices, write_prices
from omcrm.storage.transaction import transaction
from tests import values
from tests.processes import wait_for


class Rounds:
    """Rounds of one price, and what the database has of it."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.cache = QuoteCache()
        self.plan: RoundPlan | None = RoundPlan(interval=1, batch=10)
        self.is_fenced = False
        self.rounds = PriceRounds(app, self.cache, lambda: self.plan, self._fence)

    def _fence(self) -> None:
        if self.is_fenced:
            raise LeaseLost(1, 2)

    def show(self, number: int) -> None:
        at = datetime.now(UTC)
        self.cache.put(values.quote(values.trade(str(number)), symbol="BTC", seq=number, at=at))

    def stored(self) -> int | None:
        with self._app.app_context():
            price = latest_prices().get("BTC")
            db.session.rollback()
        return None if price is None else int(price.price)


@pytest.fixture
def rounds(app: Flask) -> Iterator[Rounds]:
    made = Rounds(app)
    yield made
    made.rounds.stop()


def test_prices_are_written_again_and_again(rounds: Rounds) -> None:
    """As long as they are wanted."""
    rounds.rounds.start()
    rounds.rounds.start()
    for number in (1, 2):
        rounds.show(number)
        wait_for(lambda wanted=number: rounds.stored() == wanted, what="the price")


def test_the_last_prices_are_written_at_the_end(rounds: Rounds) -> None:
    """So that none is called live whose feed has ended."""
    rounds.plan = RoundPlan(interval=3600, batch=10)
    rounds.rounds.start()
    rounds.show(1)
    rounds.rounds.stop()
    rounds.rounds.stop()

    assert 1 == rounds.stored()


def test_nothing_is_written_that_nobody_wants(rounds: Rounds) -> None:
    """Not at the end either; then another process writes."""
    rounds.plan = None
    rounds.show(1)
    rounds.rounds.start()
    rounds.rounds.stop()

    assert rounds.stored() is None


def test_nothing_is_written_for_another_engine(
    rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and the thread goes on."""
    rounds.is_fenced = True
    rounds.show(1)
    rounds.rounds.start()
    wait_for(lambda: "prices not written: this process is not the engine" in caplog.text)
    assert rounds.stored() is None

    rounds.is_fenced = False
    wait_for(lambda: rounds.stored() == 1, what="the price")


def test_what_others_wrote_meanwhile_is_known(rounds: Rounds, app: Flask) -> None:
    """A price that is in the database already is not written again, another one is."""
    rounds.show(1)
    rounds.rounds.start()
    wait_for(lambda: rounds.stored() == 1, what="the price")
    rounds.plan = None
    with app.app_context():
        later = latest_prices()["BTC"]
        with transaction():
            newer = values.quote(values.trade("5"), symbol="BTC", at=datetime.now(UTC))
            write_prices([type(later).of(newer)], datetime.now(UTC))
    rounds.show(6)
    rounds.plan = RoundPlan(interval=1, batch=10)

    wait_for(lambda: rounds.stored() == 6, what="the newest price")


def test_an_absent_database_ends_nothing(
    rounds: Rounds, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """The next round writes."""
    rounds.show(1)
    with app.app_context():
        db.drop_all()
    rounds.rounds.start()

    wait_for(lambda: "prices not written, tried again" in caplog.text, what="the log")
