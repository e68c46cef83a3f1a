"""Calls routes of a running app, and validates their answers by the documents."""

from typing import Any

import requests

from tests.gateways.here import Served
from tests.processes import PATIENCE
from tests.reference.validator import RouteValidator


class RouteClient:
    """A client of a served app: with a token, a login's cookie, or neither."""

    def __init__(
        self, here: Served, validator: RouteValidator, *, token: str = "", cookie: str = ""
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
        self, method: str, address: str, query: str = "", body: Any = None, **variables: Any
    ) -> requests.Response:
        """The answer, which must be valid by its document, whatever its status is.

        The address is written as in the document.
        """
        answer = requests.request(
            method,
            self._here.base + address.format(**variables) + query,
            headers=self.headers,
            json=body,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        problems = self._validator.answer(method, address, answer.status_code, answer.json())
        assert [] == problems, answer.text
        return answer

    def done(
        self, method: str, address: str, query: str = "", body: Any = None, **variables: Any
    ) -> Any:
        """The JSON of a successful answer."""
        answer = self.ask(method, address, query, body, **variables)
        assert answer.ok, answer.text
        return answer.json()
