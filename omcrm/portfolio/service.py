"""Reads, changes and values portfolios, and signals their changes.

Every function needs an app context, and no request.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from omcrm.engine.bus import Holdings, PortfolioChanged
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.market.instrument import canonical_symbol
from omcrm.portfolio import bounds, valuation
from omcrm.portfolio.holding import Holding, Portfolio
from omcrm.portfolio.valuation import Valuation
from omcrm.services import services
from omcrm.storage import portfolio as storage
from omcrm.storage.instrument import find_instrument
from omcrm.storage.portfolio import HoldingRow, PortfolioRow
from omcrm.storage.transaction import transaction
from omcrm.web.market_access import market_view
from omcrm.wire.error_code import ErrorCode

Number = str | int | Decimal

versions_of = storage.versions_of

_held = threading.Lock()


# Reading


def portfolios_of(user_id: int) -> list[Portfolio]:
    """The portfolios of a user, by name."""
    return [_value_of(row) for row in storage.portfolios_of(user_id)]


def portfolio_of(user_id: int, portfolio_id: int) -> Portfolio | None:
    """This portfolio of this user; None where it is missing or somebody else's."""
    row = storage.find_portfolio(user_id, portfolio_id)
    return None if row is None else _value_of(row)


def own_portfolio(user_id: int, portfolio_id: int) -> Portfolio:
    """This portfolio of this user; refused with 404 where it is missing or somebody else's."""
    portfolio = portfolio_of(user_id, portfolio_id)
    if portfolio is None:
        raise _unknown()
    return portfolio


def valuation_of(portfolio: Portfolio) -> Valuation:
    """The valuation of a portfolio at current prices."""
    demo = services().settings.demo
    return valuation.value(portfolio, market_view().cache.snapshot(), datetime.now(UTC), demo=demo)


def _value_of(row: PortfolioRow) -> Portfolio:
    holdings = (
        Holding(
            instrument=holding.instrument.instrument(),
            quantity=holding.quantity,
            average_cost=holding.average_cost,
            is_followed=holding.instrument.active,
        )
        for holding in row.holdings
    )
    return Portfolio(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        holdings=tuple(holdings),
    )


# Changes: each commits, or raises AccessRefused with the invalid field and changes nothing


def create(user_id: int, name: str) -> Portfolio:
    """Create an empty portfolio."""
    now = datetime.now(UTC)
    name = bounds.portfolio_name(name)
    row = PortfolioRow(user_id=user_id, name=name, created_at=now, updated_at=now)
    with transaction():
        storage.lock_portfolios(user_id)
        if storage.count_portfolios(user_id) >= bounds.MOST_PORTFOLIOS:
            message = f"You can have {bounds.MOST_PORTFOLIOS} portfolios: delete one."
            raise AccessRefused(ErrorCode.LIMIT_EXCEEDED, message, 409)
        db.session.add(row)
        _flush_named(name)
        made = _value_of(row)
    _notify(user_id, made.id)
    return made


def rename(user_id: int, portfolio_id: int, name: str) -> Portfolio:
    """Rename a portfolio."""
    name = bounds.portfolio_name(name)
    with _changing(user_id, portfolio_id) as row:
        row.name = name
        _flush_named(name)
    return own_portfolio(user_id, portfolio_id)


def delete(user_id: int, portfolio_id: int) -> None:
    """Delete a portfolio and its holdings."""
    with _changing(user_id, portfolio_id) as row:
        db.session.delete(row)


def add_holding(
    user_id: int, portfolio_id: int, symbol: str, quantity: Number, average_cost: Number
) -> Portfolio:
    """Add a holding of an instrument that the portfolio does not hold yet."""
    amount, cost = bounds.quantity(quantity), bounds.average_cost(average_cost)
    with _changing(user_id, portfolio_id) as row:
        symbol = canonical_symbol(symbol)
        if _held_by(row, symbol) is not None:
            raise AccessRefused(
                ErrorCode.ALREADY_HELD,
                f"{symbol} is in this portfolio already.",
                409,
                field="symbol",
            )
        _add(row, symbol, amount, cost)
    return own_portfolio(user_id, portfolio_id)


def put_holding(
    user_id: int, portfolio_id: int, symbol: str, quantity: Number, average_cost: Number
) -> Portfolio:
    """Set the holding of an instrument, whether the portfolio held it or not."""
    amount, cost = bounds.quantity(quantity), bounds.average_cost(average_cost)
    with _changing(user_id, portfolio_id) as row:
        symbol = canonical_symbol(symbol)
        held = _held_by(row, symbol)
        if held is None:
            _add(row, symbol, amount, cost)
        else:
            held.quantity, held.average_cost = amount, cost
    return own_portfolio(user_id, portfolio_id)


def remove_holding(user_id: int, portfolio_id: int, symbol: str) -> Portfolio:
    """Remove the holding of an instrument."""
    with _changing(user_id, portfolio_id) as row:
        held = _held_by(row, canonical_symbol(symbol))
        if held is None:
            raise not_held()
        row.holdings.remove(held)
    return own_portfolio(user_id, portfolio_id)


def not_held() -> AccessRefused:
    """The refusal of a change to a holding that does not exist."""
    return AccessRefused(
        ErrorCode.NOT_HELD, "This portfolio does not hold that.", 404, field="symbol"
    )


@contextmanager
def _changing(user_id: int, portfolio_id: int) -> Iterator[PortfolioRow]:
    try:
        with transaction():
            row = storage.find_portfolio(user_id, portfolio_id, lock=True)
            if row is None:
                raise _unknown()
            row.version = PortfolioRow.version + 1
            row.updated_at = datetime.now(UTC)
            # The row is locked from here on: what is read below is still valid at the commit.
            db.session.flush()
            db.session.expire(row, ["holdings"])
            yield row
    except StaleDataError:
        raise _unknown() from None
    _notify(user_id, portfolio_id)


def _flush_named(name: str) -> None:
    try:
        db.session.flush()
    except IntegrityError:
        message = f"You have a portfolio called {name} already."
        raise AccessRefused(ErrorCode.NAME_TAKEN, message, 409, field="name") from None


def _add(row: PortfolioRow, symbol: str, amount: Decimal, cost: Decimal) -> None:
    if storage.count_holdings(row.id) >= bounds.MOST_HOLDINGS:
        message = f"A portfolio can have {bounds.MOST_HOLDINGS} holdings: remove one first."
        raise AccessRefused(ErrorCode.LIMIT_EXCEEDED, message, 409)
    instrument = find_instrument(symbol)
    if instrument is None or not instrument.active:
        # The text is cut before it is sent back: it may be anything.
        message = f"Unknown symbol: {symbol[:20]}"
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, message, field="symbol")
    row.holdings.append(HoldingRow(instrument=instrument, quantity=amount, average_cost=cost))


def _held_by(row: PortfolioRow, symbol: str) -> HoldingRow | None:
    return next((holding for holding in row.holdings if holding.instrument.symbol == symbol), None)


def _unknown() -> AccessRefused:
    return AccessRefused(ErrorCode.UNKNOWN_PORTFOLIO, "There is no such portfolio.", 404)


def _notify(user_id: int, portfolio_id: int) -> None:
    with _held:
        services().bus.publish(Holdings(storage.held_symbols()))
    services().bus.publish(PortfolioChanged(user_id, portfolio_id))
