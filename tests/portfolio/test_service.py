from collections.abc import Callable, Iterator
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from flask import Flask

from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.portfolio import bounds, service
from omcrm.portfolio.holding import Portfolio
from omcrm.storage.instrument import find_instrument
from omcrm.web.market_access import market
from tests.processes import PATIENCE

Told = list[tuple[int, int]]


@pytest.fixture
def user(new_user: Callable[[], int]) -> int:
    return new_user()


@pytest.fixture
def own(user: int) -> Portfolio:
    return service.create(user, "Growth")


@pytest.fixture
def told(in_app: Flask) -> Iterator[Told]:
    """Who was told of which change."""
    heard: Told = []

    def note(app: Flask, user_id: int, portfolio_id: int) -> None:
        heard.append((user_id, portfolio_id))

    service.portfolio_changed.connect(note, sender=in_app)
    yield heard
    service.portfolio_changed.disconnect(note)


def refused(change: Callable[[], object]) -> tuple[str, int, str | None]:
    with pytest.raises(AccessRefused) as refusal:
        change()
    return refusal.value.code, refusal.value.status, refusal.value.field


def figures(portfolio: Portfolio) -> dict[str, tuple[str, str]]:
    return {
        holding.symbol: (str(holding.quantity), str(holding.average_cost))
        for holding in portfolio.holdings
    }


def test_a_portfolio_comes_and_goes(user: int, own: Portfolio, told: Told) -> None:
    """Each change is told and makes the next version."""
    service.add_holding(user, own.id, " btc ", "0.25", "50000")
    service.add_holding(user, own.id, "AAPL", "3", "0")
    service.put_holding(user, own.id, "BTC", "0.5", "40000.10")
    service.rename(user, own.id, "Pension")
    changed = service.remove_holding(user, own.id, "AAPL")

    assert {"BTC": ("0.5", "40000.1")} == figures(changed)
    assert ("Pension", 6) == (changed.name, changed.version)
    assert changed == service.portfolio_of(user, own.id)
    assert {own.id: 6} == service.versions_of([own.id])
    service.delete(user, own.id)
    assert (None, []) == (service.portfolio_of(user, own.id), service.portfolios_of(user))
    assert [(user, own.id)] * 6 == told


def test_it_outlives_the_database_session(user: int, own: Portfolio) -> None:
    """A snapshot is a value: whoever holds it needs no connection."""
    service.add_holding(user, own.id, "BTC", "1", "1")
    snapshot = service.portfolio_of(user, own.id)
    db.session.remove()

    assert {"BTC": Decimal(1)} == snapshot.quantities
    assert "Bitcoin" == snapshot.holdings[0].instrument.name


def test_somebody_elses_is_as_missing_as_none(
    own: Portfolio, new_user: Callable[[], int], told: Told
) -> None:
    """No answer tells whether there is such a portfolio, and nothing changes."""
    other = new_user()

    def answers(number: int) -> list[tuple[str, int, str | None]]:
        return [
            refused(lambda: service.own_portfolio(other, number)),
            refused(lambda: service.rename(other, number, "Mine")),
            refused(lambda: service.delete(other, number)),
            refused(lambda: service.add_holding(other, number, "BTC", "1", "1")),
            refused(lambda: service.put_holding(other, number, "BTC", "1", "1")),
            refused(lambda: service.remove_holding(other, number, "BTC")),
        ]

    assert [("UNKNOWN_PORTFOLIO", 404, None)] * 6 == answers(own.id)
    assert answers(own.id) == answers(own.id + 1)
    assert own == service.portfolio_of(own.user_id, own.id)
    assert [] == told


def test_what_is_wrong_is_named_and_changes_nothing(user: int, own: Portfolio, told: Told) -> None:
    """A taken name, an unknown or unfollowed symbol, one that is held, one that is not."""
    service.create(user, "Other")
    service.add_holding(user, own.id, "BTC", "1", "1")
    find_instrument("ETH").active = False
    db.session.commit()
    before, told[:] = service.portfolio_of(user, own.id), []

    def add(symbol: str, quantity: str = "1") -> tuple[str, int, str | None]:
        return refused(lambda: service.add_holding(user, own.id, symbol, quantity, "1"))

    assert ("NAME_TAKEN", 409, "name") == refused(lambda: service.create(user, "Other"))
    assert ("NAME_TAKEN", 409, "name") == refused(lambda: service.rename(user, own.id, " Other "))
    assert ("ALREADY_HELD", 409, "symbol") == add("btc")
    assert ("UNKNOWN_SYMBOL", 400, "symbol") == add("DOGE")
    assert ("UNKNOWN_SYMBOL", 400, "symbol") == add("ETH")
    assert ("INVALID_PAYLOAD", 400, "quantity") == add("AAPL", "0")
    assert ("NOT_HELD", 404, "symbol") == refused(
        lambda: service.remove_holding(user, own.id, "AAPL")
    )
    assert before == service.portfolio_of(user, own.id)
    assert [] == told


def test_an_own_name_may_be_kept(user: int, own: Portfolio) -> None:
    """Renaming to the same name is no conflict with itself."""
    assert "Growth" == service.rename(user, own.id, "Growth").name


def test_there_are_limits(user: int, own: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one beyond is refused; changing what there is goes on."""
    monkeypatch.setattr(bounds, "MOST_PORTFOLIOS", 2)
    monkeypatch.setattr(bounds, "MOST_HOLDINGS", 1)
    service.create(user, "Second")
    service.add_holding(user, own.id, "BTC", "1", "1")
    limit = ("LIMIT_EXCEEDED", 409, None)

    assert limit == refused(lambda: service.create(user, "Third"))
    assert limit == refused(lambda: service.add_holding(user, own.id, "ETH", "1", "1"))
    assert limit == refused(lambda: service.put_holding(user, own.id, "ETH", "1", "1"))
    assert {"BTC": ("2", "1")} == figures(service.put_holding(user, own.id, "BTC", "2", "1"))
    assert 2 == len(service.portfolios_of(user))


def test_two_at_once_add_one_holding(
    in_app: Flask, user: int, own: Portfolio, restless: None
) -> None:
    """Whoever comes second is told that it is held already."""
    barrier, outcomes = Barrier(4), []

    def add() -> None:
        with in_app.app_context():
            barrier.wait(PATIENCE)
            try:
                service.add_holding(user, own.id, "BTC", "1", "1")
                outcomes.append("added")
            except AccessRefused as refusal:
                outcomes.append(refusal.code)

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()

    assert ["ALREADY_HELD"] * 3 + ["added"] == sorted(outcomes)
    assert ({"BTC": ("1", "1")}, 2) == (
        figures(service.portfolio_of(user, own.id)),
        service.portfolio_of(user, own.id).version,
    )


def test_an_instrument_that_is_not_followed_stays(user: int, own: Portfolio) -> None:
    """It has no value, can still be changed and removed, and says why it has none."""
    service.add_holding(user, own.id, "ETH", "1", "1")
    find_instrument("ETH").active = False
    db.session.commit()
    changed = service.put_holding(user, own.id, "ETH", "2", "1")

    assert ["not_followed"] == [
        holding.missing for holding in service.valuation_of(changed).holdings
    ]
    assert () == service.remove_holding(user, own.id, "ETH").holdings


def test_the_market_knows_what_is_held(user: int, own: Portfolio) -> None:
    """From the next moment on it is asked for as if somebody watched it."""
    service.add_holding(user, own.id, "BTC", "1", "1")
    held = market().held
    service.delete(user, own.id)

    assert (frozenset({"BTC"}), frozenset()) == (held, market().held)


def test_it_is_valued_by_the_prices_of_now(user: int, own: Portfolio) -> None:
    """With its version, so that one can tell which holdings were valued; without prices of none."""
    worth = service.valuation_of(service.add_holding(user, own.id, "BTC", "2", "1"))

    assert (own.id, 2, None) == (worth.portfolio_id, worth.version, worth.total_value)
    assert "no_price" == worth.coverage.missing[0].reason
