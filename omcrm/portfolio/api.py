"""The JSON API of portfolios: for a session or an API token, only of the caller's own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute

from omcrm.auth.access import View, current_caller, refusal, refused, requires
from omcrm.auth.json_answer import json_answer
from omcrm.auth.permission import Permission
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.auth.request_body import Body, request_body
from omcrm.errors import AccessRefused
from omcrm.portfolio import bounds, messages, service
from omcrm.portfolio.holding import Portfolio
from omcrm.wire.error_code import ErrorCode

blueprint = Blueprint("portfolio_api", __name__, url_prefix="/api/v1/portfolios")

READS = UserRateLimit("portfolio reads", RateLimitItemPerMinute(300))
CHANGES = UserRateLimit("portfolio changes", RateLimitItemPerMinute(120))


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> ResponseReturnValue:
    """A refusal in JSON."""
    return refused(error)


def _may(permission: Permission, rate_limit: UserRateLimit) -> Callable[[View], View]:
    """Require the permission, and apply the rate limit to each user."""

    def limit(view: View) -> View:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if wait := rate_limit.spend(str(current_caller().user_id)):
                message = f"Too many requests: try again in {wait} seconds."
                return refusal(ErrorCode.TOO_MANY_REQUESTS, message, 429, wait=wait)
            return view(*args, **kwargs)

        return requires(permission)(limited)

    return limit


_may_read = _may(Permission.PORTFOLIO_READ, READS)
_may_change = _may(Permission.PORTFOLIO_WRITE, CHANGES)


@blueprint.get("")
@_may_read
def portfolios() -> ResponseReturnValue:
    """The caller's portfolios, by name."""
    owned = service.portfolios_of(_user())
    return _json({"portfolios": [messages.summary(portfolio) for portfolio in owned], **_limits()})


@blueprint.post("")
@_may_change
def create() -> ResponseReturnValue:
    """Create an empty portfolio."""
    created = service.create(_user(), _read(messages.PortfolioName).name)
    answer = _json({"portfolio": messages.summary(created)}, 201)
    answer.location = url_for(".portfolio", portfolio_id=created.id)
    return answer


@blueprint.get("/<int:portfolio_id>")
@_may_read
def portfolio(portfolio_id: int) -> ResponseReturnValue:
    """A portfolio, its holdings and their current values."""
    owned = service.own_portfolio(_user(), portfolio_id)
    return _json({"portfolio": messages.valued(owned, service.valuation_of(owned))})


@blueprint.patch("/<int:portfolio_id>")
@_may_change
def rename(portfolio_id: int) -> ResponseReturnValue:
    """Rename a portfolio."""
    name = _read(messages.PortfolioName).name
    renamed = service.rename(_user(), portfolio_id, name)
    return _json({"portfolio": messages.summary(renamed)})


@blueprint.delete("/<int:portfolio_id>")
@_may_change
def delete(portfolio_id: int) -> ResponseReturnValue:
    """Delete a portfolio and its holdings."""
    service.delete(_user(), portfolio_id)
    return _json({})


@blueprint.post("/<int:portfolio_id>/holdings")
@_may_change
def add_holding(portfolio_id: int) -> ResponseReturnValue:
    """Add a holding of an instrument that the portfolio does not hold yet."""
    body = _read(messages.NewHolding)
    changed = service.add_holding(
        _user(), portfolio_id, body.symbol, body.quantity, body.average_cost
    )
    return _holding(changed, body.symbol, 201)


@blueprint.put("/<int:portfolio_id>/holdings/<symbol>")
@_may_change
def put_holding(portfolio_id: int, symbol: str) -> ResponseReturnValue:
    """Set the holding of an instrument."""
    body = _read(messages.HoldingFigures)
    changed = service.put_holding(_user(), portfolio_id, symbol, body.quantity, body.average_cost)
    return _holding(changed, symbol)


@blueprint.delete("/<int:portfolio_id>/holdings/<symbol>")
@_may_change
def remove_holding(portfolio_id: int, symbol: str) -> ResponseReturnValue:
    """Remove the holding of an instrument."""
    changed = service.remove_holding(_user(), portfolio_id, symbol)
    return _json({"version": changed.version})


def _read(schema: type[Body]) -> Body:
    return request_body(schema, messages.LARGEST_BODY)


def _user() -> int:
    return current_caller().user_id


def _limits() -> dict[str, Any]:
    return {"limits": {"portfolios": bounds.MOST_PORTFOLIOS, "holdings": bounds.MOST_HOLDINGS}}


def _holding(changed: Portfolio, symbol: str, status: int = 200) -> Response:
    body = {"holding": messages.held(changed, symbol), "version": changed.version}
    return _json(body, status)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return json_answer({"success": True, **body}, status)
