"""The pages of users' portfolios."""

from collections.abc import Callable

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import default_exceptions

from omcrm.auth.access import current_caller, requires
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.market.instrument import canonical_symbol
from omcrm.portfolio import bounds, service
from omcrm.portfolio.api import CHANGES
from omcrm.portfolio.forms import HoldingForm, NameForm
from omcrm.portfolio.holding import Holding, Portfolio
from omcrm.portfolio.valuation import TRUST, counted_classes
from omcrm.services import services
from omcrm.web.market_access import market_view
from omcrm.wire.error_code import ErrorCode

blueprint = Blueprint("portfolio", __name__, url_prefix="/portfolio")

_may_read = requires(Permission.PORTFOLIO_READ, session_only=True, page=True)
_may_change = requires(Permission.PORTFOLIO_WRITE, session_only=True, page=True)

# The maximum of holdings valued for the list of portfolios, which takes some 40 ms.
_MOST_VALUED = 1000


@blueprint.errorhandler(AccessRefused)
def refuse(refused: AccessRefused) -> ResponseReturnValue:
    """The error page of a refusal that no form shows."""
    error = default_exceptions[refused.status]()
    answer: ResponseReturnValue = current_app.handle_http_exception(error)
    return answer


@blueprint.get("/")
@_may_read
def portfolios() -> ResponseReturnValue:
    """The user's portfolios, and the form for a new one."""
    return _list(NameForm())


@blueprint.post("/")
@_may_change
def create() -> ResponseReturnValue:
    """Create a portfolio and redirect to it."""
    form, made = NameForm(), []
    if not _done(form, lambda: made.append(service.create(_user(), form.name.data or ""))):
        return _list(form), 400
    return redirect(url_for(".portfolio", portfolio_id=made[0].id))


@blueprint.get("/<int:portfolio_id>")
@_may_read
def portfolio(portfolio_id: int) -> ResponseReturnValue:
    """A portfolio; with `?holding=BTC` the form changes that holding."""
    owned = _own(portfolio_id)
    symbol = request.args.get("holding")
    if symbol is None:
        return _page(owned)
    held = _held(owned, symbol)
    return _page(owned, holding=_form_of(held), changing=held)


@blueprint.post("/<int:portfolio_id>/rename")
@_may_change
def rename(portfolio_id: int) -> ResponseReturnValue:
    """Rename the portfolio."""
    portfolio, form = _own(portfolio_id), NameForm()
    if not _done(form, lambda: service.rename(_user(), portfolio_id, form.name.data or "")):
        return _page(portfolio, name=form), 400
    return redirect(url_for(".portfolio", portfolio_id=portfolio_id))


@blueprint.post("/<int:portfolio_id>/delete")
@_may_change
def delete(portfolio_id: int) -> ResponseReturnValue:
    """Delete the portfolio and its holdings."""
    portfolio = _own(portfolio_id)
    _spend()
    service.delete(_user(), portfolio_id)
    flash(f"{portfolio.name} is deleted.")
    return redirect(url_for(".portfolios"))


@blueprint.post("/<int:portfolio_id>/holdings")
@_may_change
def add_holding(portfolio_id: int) -> ResponseReturnValue:
    """Add a holding."""
    portfolio, form = _own(portfolio_id), HoldingForm()
    if not _done(form, lambda: service.add_holding(_user(), portfolio_id, *_fields(form))):
        return _page(portfolio, holding=form), 400
    return redirect(url_for(".portfolio", portfolio_id=portfolio_id))


@blueprint.post("/<int:portfolio_id>/holdings/<symbol>")
@_may_change
def change_holding(portfolio_id: int, symbol: str) -> ResponseReturnValue:
    """Change the quantity or the cost of a holding."""
    portfolio, form = _own(portfolio_id), HoldingForm()
    held = _held(portfolio, symbol)
    form.symbol.data = held.symbol
    if not _done(form, lambda: service.put_holding(_user(), portfolio_id, *_fields(form))):
        return _page(portfolio, holding=form, changing=held), 400
    return redirect(url_for(".portfolio", portfolio_id=portfolio_id))


@blueprint.post("/<int:portfolio_id>/holdings/<symbol>/remove")
@_may_change
def remove_holding(portfolio_id: int, symbol: str) -> ResponseReturnValue:
    """Remove a holding."""
    _spend()
    service.remove_holding(_user(), portfolio_id, symbol)
    return redirect(url_for(".portfolio", portfolio_id=portfolio_id))


def _user() -> int:
    return current_caller().user_id


def _own(portfolio_id: int) -> Portfolio:
    return service.own_portfolio(_user(), portfolio_id)


def _held(portfolio: Portfolio, symbol: str) -> Holding:
    symbol = canonical_symbol(symbol)
    held = next((holding for holding in portfolio.holdings if holding.symbol == symbol), None)
    if held is None:
        raise service.not_held()
    return held


def _form_of(held: Holding) -> HoldingForm:
    figures = {"quantity": f"{held.quantity:f}", "average_cost": f"{held.average_cost:f}"}
    return HoldingForm(formdata=None, data={"symbol": held.symbol, **figures})


def _fields(form: HoldingForm) -> tuple[str, str, str]:
    return form.symbol.data or "", form.quantity.data or "", form.average_cost.data or ""


def _done(form: NameForm | HoldingForm, change: Callable[[], object]) -> bool:
    """Apply the change; False where it was refused, with the error noted in the form."""
    if not form.validate_on_submit():
        return False
    try:
        _spend()
        change()
    except AccessRefused as refused:
        if refused.status == 404:
            raise
        form.note(refused)
        return False
    return True


def _spend() -> None:
    if wait := CHANGES.spend(str(_user())):
        message = f"Too many changes: try again in {wait} seconds."
        raise AccessRefused(ErrorCode.TOO_MANY_REQUESTS, message, 429, wait=wait)


def _list(form: NameForm) -> str:
    owned, left, valued = service.portfolios_of(_user()), _MOST_VALUED, []
    for portfolio in owned:
        left -= len(portfolio.holdings)
        valued.append((portfolio, service.valuation_of(portfolio) if left >= 0 else None))
    return render_template(
        "portfolio/portfolios.html", portfolios=valued, form=form, most=bounds.MOST_PORTFOLIOS
    )


def _page(
    portfolio: Portfolio,
    *,
    name: NameForm | None = None,
    holding: HoldingForm | None = None,
    changing: Holding | None = None,
) -> str:
    counted = counted_classes(services().settings.demo)
    return render_template(
        "portfolio/portfolio.html",
        portfolio=portfolio,
        name_form=name or NameForm(formdata=None, data={"name": portfolio.name}),
        holding_form=holding or HoldingForm(formdata=None),
        changing=changing,
        instruments=list(market_view().instruments.values()),
        classes=[price_class.value for price_class in TRUST],
        counted=[price_class.value for price_class in TRUST if price_class in counted],
    )
