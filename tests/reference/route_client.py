"""Calls routes of a running app, and validates their answers by the documents."""

from typing import Any

import requests

from omcrm.reference.route import Route
from tests.gateways.here import Served
from tests.processes import PATIENCE
from tests.reference.validator import DocumentValidator


class RouteClient:
    """A client of a served app: with a token, a login's cookie, or neither."""

    def __init__(
        self, here: Served, validator: DocumentValidator, *, token: str = "", cookie: str = ""
    ) -> None:
        self._here = here
        self._validator = validator
        self.headers = {"Accept": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        if cookie:
            name, _, value = cookie.partition(": ")
            self.headers[name] = value

    def ask(
        self, route: Route, query: str = "", body: Any = None, **variables: Any
    ) -> requests.Response:
        """The answer, which must be valid by its document, whatever its status is."""
        url = self._here.base + route.address.format(**variables) + query
        answer = requests.request(
            route.method,
            url,
            headers=self.headers,
            json=body,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        assert [] == self._validator.answer(route, answer.status_code, answer.json()), answer.text
        return answer

    def done(self, route: Route, query: str = "", body: Any = None, **variables: Any) -> Any:
        """The JSON of a successful answer."""
        answer = self.ask(route, query, body, **variables)
        assert route.status == answer.status_code, answer.text
        return answer.json()


def route_of(routes: tuple[Route, ...], method: str, path: str) -> Route:
    """The route of a method at a path that ends like this."""
    (route,) = [route for route in routes if route.method == method and route.path.endswith(path)]
    return route
