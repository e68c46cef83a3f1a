"""A method of a route that answers in JSON, as the app serves it: who may call it, what it takes
and answers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from msgspec import Struct

from omcrm.auth.access import Access
from omcrm.auth.json_route import JsonRoute
from omcrm.auth.permission import least_role
from omcrm.wire.channel import summary

AREAS: Mapping[str, str] = {
    "webtrader": "Desk",
    "market_feed": "Market data",
    "news": "Market data",
    "realtime": "Realtime",
    "portfolio_api": "Portfolios",
    "tokens": "Account",
    "web": "Operations",
    "reference": "Operations",
}
"""The area of each blueprint, in the order of the document."""

_VARIABLE = re.compile(r"<(\w+:)?(\w+)>")
# By the least role whose login is enough.
_LOGINS = {"client": "a login", "staff": "a login of staff", "admin": "an administrator's login"}


class Operation(Struct, frozen=True, kw_only=True):
    """One method at one path, which is written as Flask writes it."""

    method: str
    path: str
    area: str
    about: str
    access: Access
    route: JsonRoute

    @property
    def address(self) -> str:
        """The path as OpenAPI writes it."""
        return _VARIABLE.sub(r"{\2}", self.path)

    def variables(self) -> list[tuple[str, str]]:
        """The variable parts of the path, each with the JSON type of its values."""
        return [
            (name, "integer" if kind == "int:" else "string")
            for kind, name in _VARIABLE.findall(self.path)
        ]

    def who_may(self) -> str:
        """Who may call it, in a sentence."""
        if self.access.is_public:
            return "Open to everybody."
        if self.access.session_only:
            return "Needs a login; API tokens are not taken."
        if not self.access.permissions:
            return "Needs a login, or an API token with any scope."
        (permission,) = self.access.permissions
        login = _LOGINS[least_role(permission)]
        return f"Needs {login}, or an API token with the scope `{permission}`."

    def refusals(self) -> dict[int, str]:
        """By status, why a call is refused: what the route states, what follows from its body and
        from who may call."""
        refusals = dict(self.route.refusals)
        for status, about in (*self._of_the_body(), *self._of_the_access()):
            refusals[status] = f"{refusals[status]} {about}" if status in refusals else about
        return refusals

    def _of_the_body(self) -> Iterator[tuple[int, str]]:
        if self.route.body is not None:
            yield 400, "The body is wrong."
            yield 413, "The body is too long."

    def _of_the_access(self) -> Iterator[tuple[int, str]]:
        if self.access.is_public:
            return
        if self.method != "GET":
            yield 400, "The CSRF token of a session is missing."
        elif self.route.query is not None or self.variables():
            yield 400, "The address has characters that cannot be read."
        yield 401, "There is no credential, or an invalid one."
        if self.access.permissions:
            yield 403, "The caller may not do this."
        if not self.access.session_only:
            yield 429, "Too many wrong tokens came from this address."
        yield 503, "The database cannot be used at the moment."


def operations(app: Flask) -> list[Operation]:
    """Every route of the app that states what it answers, by area."""
    served = list(_operations(app))
    order = list(AREAS.values())
    return sorted(served, key=lambda operation: order.index(operation.area))


def _operations(app: Flask) -> Iterator[Operation]:
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        route = getattr(view, "json_route", None)
        if route is None:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield Operation(
                method=method,
                path=rule.rule,
                area=AREAS[rule.endpoint.partition(".")[0]],
                about=summary(view.__doc__),
                access=view.access,
                route=route,
            )
