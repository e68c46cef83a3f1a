from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from flask import Flask

from omcrm.engine.bus import Holdings, PortfolioChanged
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.portfolio import bounds, service
from omcrm.portfolio.holding import Portfolio
from omcrm.services import services, services_of
from omcrm.storage.instrument import find_instrument
from omcrm.storage.sqlite_file import writer_timeout
from tests.processes import PATIENCE

Changes = list[tuple[int, int]]


@pytest.fixture
def user(new_user: Callable[[], int]) -> int:
    return new_user()


@pytest.fixture
def own(user: int) -> Portfolio:
    return service.create(user, "Growth")


@pytest.fixture
def changes(in_app: Flask) -> Changes:
    """The user and portfolio of each change published."""
    received: Changes = []

    def note(change: PortfolioChanged) -> None:
        received.append((change.user_id, change.portfolio_id))

    services_of(in_app).bus.subscribe(PortfolioChanged, note)
    return received


def refused(change: Callable[[], object]) -> tuple[str, int, str | None]:
    with pytest.raises(AccessRefused) as refusal:
        change()
    return refusal.value.code, refusal.value.status, refusal.value.field


def figures(portfolio: Portfolio) -> dict[str, tuple[str, str]]:
    return {
        holding.symbol: (str(holding.quantity), str(holding.average_cost))
        for holding in portfolio.holdings
    }


def test_every_change_makes_a_version(user: int, own: Portfolio, changes: Changes) -> None:
    """And sends a signal."""
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
    assert [(user, own.id)] * 6 == changes


def test_a_portfolio_is_independent_of_the_database_session(user: int, own: Portfolio) -> None:
    """It is a value that needs no connection."""
    service.add_holding(user, own.id, "BTC", "1", "1")
    snapshot = service.portfolio_of(user, own.id)
    db.session.remove()

    (holding,) = snapshot.holdings
    assert ("Bitcoin", 1) == (holding.instrument.name, holding.quantity)


def test_another_users_portfolio_is_like_a_missing_one(
    own: Portfolio, new_user: Callable[[], int], changes: Changes
) -> None:
    """No refusal reveals whether it exists, and nothing changes."""
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
    assert [] == changes


def test_an_invalid_change_is_refused_and_changes_nothing(
    user: int, own: Portfolio, changes: Changes
) -> None:
    """A taken name, an unknown or unfollowed symbol, one that is held, one that is not."""
    service.create(user, "Other")
    service.add_holding(user, own.id, "BTC", "1", "1")
    find_instrument("ETH").active = False
    db.session.commit()
    before, changes[:] = service.portfolio_of(user, own.id), []

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
    assert [] == changes


def test_renaming_to_the_same_name(user: int, own: Portfolio) -> None:
    """It is no conflict."""
    assert "Growth" == service.rename(user, own.id, "Growth").name


def test_portfolios_and_holdings_are_limited(
    user: int, own: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one beyond the limit is refused; existing ones can be changed."""
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


def test_concurrent_additions_add_one_holding(
    in_app: Flask, user: int, own: Portfolio, restless: None
) -> None:
    """The others are refused with ALREADY_HELD."""
    barrier, outcomes = Barrier(4), []

    def add() -> None:
        with in_app.app_context(), writer_timeout(PATIENCE):
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
    """It can be changed and removed, and has a reason instead of a value."""
    service.add_holding(user, own.id, "ETH", "1", "1")
    find_instrument("ETH").active = False
    db.session.commit()
    changed = service.put_holding(user, own.id, "ETH", "2", "1")

    assert ["not_followed"] == [
        holding.missing for holding in service.valuation_of(changed).holdings
    ]
    assert () == service.remove_holding(user, own.id, "ETH").holdings


def test_held_symbols_are_passed_to_the_market(user: int, own: Portfolio) -> None:
    """So that their prices are requested as if they were watched."""
    held: list[Holdings] = []
    services().bus.subscribe(Holdings, held.append)
    service.add_holding(user, own.id, "BTC", "1", "1")
    service.delete(user, own.id)

    assert [Holdings(frozenset({"BTC"})), Holdings(frozenset())] == held


def test_a_valuation_uses_current_prices(user: int, own: Portfolio) -> None:
    """It has the version of the portfolio; without any price the total is None."""
    valuation = service.valuation_of(service.add_holding(user, own.id, "BTC", "2", "1"))

    assert (own.id, 2, None) == (valuation.portfolio_id, valuation.version, valuation.total_value)
    assert "no_price" == valuation.coverage.missing[0].reason
