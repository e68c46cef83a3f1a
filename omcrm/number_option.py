"""Types of numeric options of the command line."""

from typing import Any

import click

from omcrm.market.parsing import plain, whole


class Whole(click.IntRange):
    """A whole number in ASCII digits, within bounds; click's own type accepts underscores, too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; a default is returned as it is."""
        if isinstance(value, str):
            value = _read(self, whole, value, param, ctx)
        return super().convert(value, param, ctx)


class Real(click.FloatRange):
    """A number in ASCII digits, within bounds; click's own type accepts `nan` within any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; a default is returned as it is."""
        if isinstance(value, str):
            value = _read(self, plain, value, param, ctx)
        return super().convert(value, param, ctx)


def _read(kind: Any, read: Any, text: str, *place: Any) -> Any:
    try:
        return read(text)
    except ValueError:
        kind.fail(f"{text[:40]!r} is not a number such as 10.", *place)
