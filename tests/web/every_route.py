"""Every route of the app, for tests of what all have in common."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Flask

FILLED = {
    "symbol": "BTC",
    "portfolio_id": "1",
    "token_id": "1",
    "filename": "css/base.css",
}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
ASKING = ("GET", *UNSAFE)


class Door(NamedTuple):
    """One method at one address; `variables` are the parts of it that are filled in."""

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


def every_route(app: Flask, *methods: str) -> Iterator[Door]:
    """All methods of all routes, or these."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & set(methods or rule.methods)):
            yield Door(method, rule, {name: FILLED[name] for name in rule.arguments})
