from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from omcrm.extensions import db
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.portfolio import (
    HoldingRow,
    PortfolioRow,
    count_holdings,
    count_portfolios,
    find_portfolio,
    held_symbols,
    portfolios_of,
    versions_of,
)
from omcrm.storage.user import Role, User
from tests.values import instrument


@pytest.fixture
def bitcoin(database: None) -> InstrumentRow:
    """An instrument to hold."""
    row = InstrumentRow.of(instrument("BTC"))
    db.session.add(row)
    db.session.commit()
    return row


@pytest.fixture
def own(user: User, bitcoin: InstrumentRow, now: datetime) -> PortfolioRow:
    """A portfolio with one holding."""
    row = PortfolioRow(user_id=user.id, name="Growth", created_at=now, updated_at=now)
    cost = Decimal("98765432.123456789012345678")
    row.holdings.append(
        HoldingRow(instrument=bitcoin, quantity=Decimal("1E-18"), average_cost=cost)
    )
    db.session.add(row)
    db.session.commit()
    return row


def test_figures_keep_every_digit(own: PortfolioRow) -> None:
    """Quantity and cost are stored exactly."""
    db.session.expire_all()
    (held,) = own.holdings

    assert (Decimal("1E-18"), Decimal("98765432.123456789012345678")) == (
        held.quantity,
        held.average_cost,
    )
    assert ("BTC", 1) == (held.instrument.symbol, own.version)


def test_it_is_found_by_its_owner_only(own: PortfolioRow, user: User) -> None:
    """Another user's portfolio gives None, as a missing one does, for any id."""
    assert own is find_portfolio(user.id, own.id)
    assert own is find_portfolio(user.id, own.id, lock=True)
    assert None is find_portfolio(user.id + 1, own.id)
    assert [None] * 4 == [
        find_portfolio(user.id, portfolio_id) for portfolio_id in (0, -1, own.id + 1, 2**80)
    ]


def test_they_are_sorted_by_name(own: PortfolioRow, user: User, now: datetime) -> None:
    """Without regard to case."""
    for name in ("alpha", "Zeta"):
        db.session.add(PortfolioRow(user_id=user.id, name=name, created_at=now, updated_at=now))
    db.session.commit()

    assert ["alpha", "Growth", "Zeta"] == [portfolio.name for portfolio in portfolios_of(user.id)]
    assert [] == portfolios_of(user.id + 1)
    assert (3, 0) == (count_portfolios(user.id), count_portfolios(user.id + 1))


def test_a_name_is_unique_for_each_user(own: PortfolioRow, now: datetime) -> None:
    """Another user may use the same."""
    other = User(email="b@example.com", password_hash="", role=Role.CLIENT, created_at=now)
    db.session.add(other)
    db.session.flush()
    same = {"name": "Growth", "created_at": now, "updated_at": now}
    db.session.add(PortfolioRow(user_id=other.id, **same))
    db.session.commit()
    db.session.add(PortfolioRow(user_id=own.user_id, **same))

    with pytest.raises(IntegrityError):
        db.session.commit()


def test_an_instrument_is_held_once(own: PortfolioRow, bitcoin: InstrumentRow) -> None:
    """A second holding would be a second average cost."""
    figures = {"quantity": Decimal(1), "average_cost": Decimal(1)}
    db.session.add(HoldingRow(portfolio_id=own.id, instrument_id=bitcoin.id, **figures))

    with pytest.raises(IntegrityError):
        db.session.commit()


def test_its_holdings_are_deleted_with_it(own: PortfolioRow) -> None:
    """No row is left of a deleted portfolio."""
    number = own.id
    db.session.delete(own)
    db.session.commit()

    assert [] == list(db.session.scalars(select(HoldingRow)))
    assert (0, {}, frozenset()) == (count_holdings(number), versions_of([number]), held_symbols())


def test_held_symbols(own: PortfolioRow, bitcoin: InstrumentRow) -> None:
    """Each held symbol once, of all users; also an inactive one."""
    bitcoin.active = False
    db.session.commit()

    assert frozenset({"BTC"}) == held_symbols()
    assert 1 == count_holdings(own.id)
    assert {own.id: 1} == versions_of([own.id, own.id + 1])
