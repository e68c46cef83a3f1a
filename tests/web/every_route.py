"""Every route of the app, for tests of all of them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Flask

VALUES = {
    "symbol": "BTC",
    "portfolio_id": "1",
    "token_id": "1",
    "filename": "css/base.css",
}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
METHODS = ("GET", *UNSAFE)


class Endpoint(NamedTuple):
    """One method at one address; `variables` are the values of its variable parts."""

    method: str
    rule: Any
    variables: dict[str, str]

    @property
    def address(self) -> str:
        return self.with_text({})

    def with_text(self, texts: dict[str, str]) -> str:
        """The address with other texts in its variable parts."""
        address = self.rule.rule
        for name, value in (self.variables | texts).items():
            for kind in ("", "int:", "path:"):
                address = address.replace(f"<{kind}{name}>", value)
        return address

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def every_route(app: Flask, *methods: str) -> Iterator[Endpoint]:
    """All methods of all routes, or these."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & set(methods or rule.methods)):
            yield Endpoint(method, rule, {name: VALUES[name] for name in rule.arguments})
