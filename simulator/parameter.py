"""The parameters of a REST call, checked as Binance checks them."""

import re
from typing import Any

import msgspec

from simulator.refusal import RefusedError

SYMBOL = re.compile(r"[\w\-._&]{1,50}")
SYMBOL_RANGE = "^[\\w\\-._&&[^a-z]]{1,50}$"
NUMBER = re.compile(r"[0-9]{1,20}")


class Parameters:
    """The parameters of a call; each must be one of `known` and occur once."""

    def __init__(self, pairs: list[tuple[str, str]], known: frozenset[str]) -> None:
        self._values = dict(pairs)
        if len(self._values) < len(pairs):
            raise RefusedError(-1101, "Duplicate values for a parameter detected.")
        read = len(known & set(self._values))
        if read < len(pairs):
            raise RefusedError(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent "
                f"'{len(pairs)}'.",
            )

    def text(self, name: str) -> str | None:
        """Return a parameter unchanged; None without it."""
        return self._values.get(name)

    def required(self, name: str) -> str:
        """Return a mandatory parameter."""
        value = self._values.get(name)
        if not value:
            raise RefusedError(
                -1102,
                f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
            )
        return value

    def number(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self._values.get(name)
        if value is None:
            return default
        if not NUMBER.fullmatch(value):
            raise _illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def symbols(self) -> list[str] | None:
        """Return the symbols of `symbol` or `symbols`; None where neither was sent."""
        one, many = self._values.get("symbol"), self._values.get("symbols")
        if one is not None and many is not None:
            raise RefusedError(-1128, "Combination of optional parameters invalid.")
        if many is not None:
            return _symbol_list(many)
        return None if one is None else [checked_symbol(self.required("symbol"))]


def checked_symbol(symbol: str) -> str:
    """Return `symbol` if it is well formed."""
    if not SYMBOL.fullmatch(symbol) or symbol != symbol.upper():
        raise _illegal("symbol", SYMBOL_RANGE)
    return symbol


def _symbol_list(text: str) -> list[str]:
    try:
        symbols: Any = msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError:
        symbols = []
    if not symbols or " " in text:
        raise _illegal("symbols", '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$')
    return [checked_symbol(symbol) for symbol in symbols]


def _illegal(name: str, legal: str) -> RefusedError:
    return RefusedError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )
