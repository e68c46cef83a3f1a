"""The JSON API of portfolios: for a session or an API token, only of the caller's own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute

from omcrm.auth.access import View, current_caller, refusal, requires
from omcrm.auth.json_answer import json_answer
from omcrm.auth.json_route import answers, takes
from omcrm.auth.permission import Permission
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.portfolio import bounds, messages, service
from omcrm.portfolio.holding import Portfolio
from omcrm.portfolio.messages import JsonValuedAnswer
from omcrm.wire.answer import JsonDone
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.portfolio import (
    HoldingFigures,
    JsonHoldingAnswer,
    JsonLimits,
    JsonPortfolioAnswer,
    JsonPortfolios,
    JsonVersionAnswer,
    NewHolding,
    PortfolioName,
)

blueprint = Blueprint("portfolio_api", __name__, url_prefix="/api/v1/portfolios")

# In bytes.
LARGEST_BODY = 4096

READS = UserRateLimit("portfolio reads", RateLimitItemPerMinute(300))
CHANGES = UserRateLimit("portfolio changes", RateLimitItemPerMinute(120))


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


_OFTEN = {429: "Too many requests lately."}
_MISSING = {404: "The caller has no such portfolio, or it holds no such instrument.", **_OFTEN}


@blueprint.get("")
@_may_read
@answers(JsonPortfolios, refusals=_OFTEN)
def portfolios() -> JsonPortfolios:
    """The caller's portfolios."""
    return JsonPortfolios(
        portfolios=[messages.summary(portfolio) for portfolio in service.portfolios_of(_user())],
        limits=JsonLimits(portfolios=bounds.MOST_PORTFOLIOS, holdings=bounds.MOST_HOLDINGS),
    )


@blueprint.post("")
@_may_change
@answers(
    JsonPortfolioAnswer, 201, refusals={**_OFTEN, 409: "The name is taken, or there are too many."}
)
@takes(PortfolioName, LARGEST_BODY)
def create(body: PortfolioName) -> Response:
    """Create an empty portfolio."""
    created = service.create(_user(), body.name)
    answer = json_answer(JsonPortfolioAnswer(portfolio=messages.summary(created)), 201)
    answer.location = url_for(".portfolio", portfolio_id=created.id)
    return answer


@blueprint.get("/<int:portfolio_id>")
@_may_read
@answers(JsonValuedAnswer, refusals=_MISSING)
def portfolio(portfolio_id: int) -> JsonValuedAnswer:
    """A portfolio, valued."""
    owned = service.own_portfolio(_user(), portfolio_id)
    return messages.valued(owned, service.valuation_of(owned))


@blueprint.patch("/<int:portfolio_id>")
@_may_change
@answers(JsonPortfolioAnswer, refusals={**_MISSING, 409: "The name is taken."})
@takes(PortfolioName, LARGEST_BODY)
def rename(body: PortfolioName, portfolio_id: int) -> JsonPortfolioAnswer:
    """Give a portfolio another name."""
    renamed = service.rename(_user(), portfolio_id, body.name)
    return JsonPortfolioAnswer(portfolio=messages.summary(renamed))


@blueprint.delete("/<int:portfolio_id>")
@_may_change
@answers(JsonDone, refusals=_MISSING)
def delete(portfolio_id: int) -> JsonDone:
    """Delete a portfolio and its holdings."""
    service.delete(_user(), portfolio_id)
    return JsonDone()


@blueprint.post("/<int:portfolio_id>/holdings")
@_may_change
@answers(
    JsonHoldingAnswer,
    201,
    refusals={**_MISSING, 409: "It is held already, or there are too many."},
)
@takes(NewHolding, LARGEST_BODY)
def add_holding(body: NewHolding, portfolio_id: int) -> JsonHoldingAnswer:
    """Add a holding of an instrument that is not held yet."""
    changed = service.add_holding(
        _user(), portfolio_id, body.symbol, body.quantity, body.average_cost
    )
    return _holding(changed, body.symbol)


@blueprint.put("/<int:portfolio_id>/holdings/<symbol>")
@_may_change
@answers(JsonHoldingAnswer, refusals={**_MISSING, 409: "There are too many holdings."})
@takes(HoldingFigures, LARGEST_BODY)
def put_holding(body: HoldingFigures, portfolio_id: int, symbol: str) -> JsonHoldingAnswer:
    """Set the quantity and cost of a holding."""
    changed = service.put_holding(_user(), portfolio_id, symbol, body.quantity, body.average_cost)
    return _holding(changed, symbol)


@blueprint.delete("/<int:portfolio_id>/holdings/<symbol>")
@_may_change
@answers(JsonVersionAnswer, refusals=_MISSING)
def remove_holding(portfolio_id: int, symbol: str) -> JsonVersionAnswer:
    """Remove a holding."""
    changed = service.remove_holding(_user(), portfolio_id, symbol)
    return JsonVersionAnswer(version=changed.version)


def _user() -> int:
    return current_caller().user_id


def _holding(changed: Portfolio, symbol: str) -> JsonHoldingAnswer:
    return JsonHoldingAnswer(holding=messages.held(changed, symbol), version=changed.version)
