"""Asks routes of a running app, and says what was not answered as it is described."""

from typing import Any

import requests

from omcrm.reference.route import Route
from tests.gateways.here import Served
from tests.processes import PATIENCE
from tests.reference.judge import Judge


class Asker:
    """A caller of a served app: with a token where there is one, or a log-in."""

    def __init__(self, here: Served, judge: Judge, *, token: str = "", cookie: str = "") -> None:
        self._here = here
        self._judge = judge
        self.headers = {"Accept": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        if cookie:
            name, _, value = cookie.partition(": ")
            self.headers[name] = value

    def ask(
        self, route: Route, query: str = "", body: Any = None, **variables: Any
    ) -> requests.Response:
        """The answer, which must be as its document says, whatever it is."""
        url = self._here.base + route.address.format(**variables) + query
        answer = requests.request(
            route.method,
            url,
            headers=self.headers,
            json=body,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        assert [] == self._judge.answer(route, answer.status_code, answer.json()), answer.text
        return answer

    def done(self, route: Route, query: str = "", body: Any = None, **variables: Any) -> Any:
        """What is answered where nothing is wrong."""
        answer = self.ask(route, query, body, **variables)
        assert route.status == answer.status_code, answer.text
        return answer.json()


def route_of(routes: tuple[Route, ...], method: str, path: str) -> Route:
    """The route of a method at a path that ends like this."""
    (found,) = [route for route in routes if route.method == method and route.path.endswith(path)]
    return found
