"""Finds the instruments that a text is about; where in doubt, none."""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from omcrm.market.instrument import AssetClass, Instrument

_IN_PARENTHESES = re.compile(r"\(([^()]{1,60})\)")
# (AAPL), (NASDAQ: AAPL, MSFT), (BTC-USD): nothing but tickers.
_EXCHANGE_PREFIX = re.compile(r"\b[A-Za-z][A-Za-z ]{1,20}:\s*")
_TICKERS = re.compile(r"[A-Z0-9.]{1,12}(?:[-/][A-Z]{3,5})?")
_SEPARATOR = re.compile(r"\s*[,;&]\s*|\s+")
# Coins whose names are ordinary words count only beside one of these words.
_COIN_WORDS = re.compile(
    r"(?i)\b(?:crypto\w*|tokens?|coins?|altcoins?|blockchain\w*|bitcoin|ethereum|defi|nfts?"
    r"|stablecoins?|staking|layer[- ][12]|web3)\b"
)
_ORDINARY_COINS = frozenset(("Avalanche", "Polygon", "Polkadot", "Near", "Cosmos", "Stellar"))
_NOT_THE_COMPANY = (
    r"(?!\s+(?:rain ?forests?|rivers?|basin|jungle|forests?|region|pies?|juice|ciders?|trees?"
    r"|orchards?|soup)\b)"
)
_DISTINCTIVE = 5


class Mentions:
    """Finds instruments in texts: `$AAPL`, `(NASDAQ: AAPL)`, `EUR/USD`, and names as whole words.

    Names are case-sensitive; a coin whose name is an ordinary word counts only beside a word about
    coins.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._patterns = {instrument.symbol: _patterns(instrument) for instrument in instruments}

    def find(self, text: str) -> tuple[str, ...]:
        """The symbols of the instruments that `text` mentions, in the catalogue's order."""
        tickers = set(_tickers(text))
        of_coins = _COIN_WORDS.search(text) is not None
        return tuple(
            symbol
            for symbol, patterns in self._patterns.items()
            if symbol in tickers or any(pattern.is_in(text, of_coins) for pattern in patterns)
        )


class _Pattern(Struct, frozen=True):
    """One spelling of an instrument; `words` is searched only where `literal` is in a text."""

    literal: str
    words: "re.Pattern[str]"
    of_coins_only: bool = False

    def is_in(self, text: str, of_coins: bool) -> bool:
        if self.literal not in text or (self.of_coins_only and not of_coins):
            return False
        return self.words.search(text) is not None


def _patterns(instrument: Instrument) -> list[_Pattern]:
    symbol = instrument.symbol
    if instrument.asset_class is AssetClass.FOREX:
        pair = f"{symbol[:3]}/{symbol[3:]}"
        return [_pattern(f"${symbol}"), _pattern(symbol), _pattern(pair)]
    patterns = [_pattern(f"${symbol}")]
    if instrument.asset_class is AssetClass.CRYPTO:
        patterns += [_pattern(f"{symbol}{pair}") for pair in ("/USD", "-USD", "/USDT", "-USDT")]
        is_ordinary = instrument.name in _ORDINARY_COINS
        return [*patterns, *(_pattern(name, "", is_ordinary) for name in _names(instrument.name))]
    return [*patterns, *(_pattern(name, _NOT_THE_COMPANY) for name in _names(instrument.name))]


def _pattern(literal: str, not_before: str = "", of_coins_only: bool = False) -> _Pattern:
    # As a whole word: no letter, digit or second `$` beside it.
    words = re.compile(rf"(?<![\w$]){re.escape(literal)}(?!\w){not_before}")
    return _Pattern(literal, words, of_coins_only)


def _names(name: str) -> Iterator[str]:
    """The spellings of a name: also its first word where that cannot be an ordinary word."""
    if len(name.strip()) < 2:
        return
    yield name
    first = name.split(maxsplit=1)[0]
    if (
        first != name
        and re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]", first)
        and len(first) >= _DISTINCTIVE
    ):
        yield first
    if name.isupper() and name.isalpha() and len(name) >= _DISTINCTIVE:
        yield name.capitalize()


def _tickers(text: str) -> Iterator[str]:
    for inside in _IN_PARENTHESES.findall(text):
        words = [
            word for word in _SEPARATOR.split(_EXCHANGE_PREFIX.sub("", inside).strip()) if word
        ]
        if words and all(_TICKERS.fullmatch(word) for word in words):
            for ticker in words:
                yield ticker
                yield re.split("[-/]", ticker)[0]
                yield ticker.replace("/", "")
