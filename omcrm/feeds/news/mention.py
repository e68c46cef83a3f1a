"""Which instruments a text is about: rather none than a wrong one."""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from omcrm.market.instrument import AssetClass, Instrument

_IN_PARENTHESES = re.compile(r"\(([^()]{1,60})\)")
# (AAPL), (NASDAQ: AAPL, MSFT), (BTC-USD): nothing but tickers.
_PLACE = re.compile(r"\b[A-Za-z][A-Za-z ]{1,20}:\s*")
_TICKERS = re.compile(r"[A-Z0-9.]{1,12}(?:[-/][A-Z]{3,5})?")
_BETWEEN = re.compile(r"\s*[,;&]\s*|\s+")
# Names that are ordinary words too, and what then must be said besides.
_COIN_WORDS = re.compile(
    r"(?i)\b(?:crypto\w*|tokens?|coins?|altcoins?|blockchain\w*|bitcoin|ethereum|defi|nfts?"
    r"|stablecoins?|staking|layer[- ][12]|web3)\b"
)
_ORDINARY_COINS = frozenset(("Avalanche", "Polygon", "Polkadot", "Near", "Cosmos", "Stellar"))
_NOT_THE_COMPANY = (
    r"(?!\s+(?:rain ?forests?|rivers?|basin|jungle|forests?|region|pies?|juice|ciders?|trees?"
    r"|orchards?|soup)\b)"
)
_LOUD = 5


class Mentions:
    """Finds instruments in texts: `$AAPL`, `(NASDAQ: AAPL)`, `EUR/USD`, and names as whole words.

    Names count only as they are written; a coin whose name is an ordinary word only beside a word
    of its market.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._ways = {instrument.symbol: _ways(instrument) for instrument in instruments}

    def find(self, text: str) -> tuple[str, ...]:
        """The symbols of the instruments that `text` mentions, in the catalogue's order."""
        tickers = set(_tickers(text))
        of_coins = _COIN_WORDS.search(text) is not None
        return tuple(
            symbol
            for symbol, ways in self._ways.items()
            if symbol in tickers or any(way.is_in(text, of_coins) for way in ways)
        )


class _Pattern(Struct, frozen=True):
    """One way to write an instrument; `words` is looked for only where `part` is in a text."""

    part: str
    words: "re.Pattern[str]"
    of_coins_only: bool = False

    def is_in(self, text: str, of_coins: bool) -> bool:
        if self.part not in text or (self.of_coins_only and not of_coins):
            return False
        return self.words.search(text) is not None


def _ways(instrument: Instrument) -> list[_Pattern]:
    symbol = instrument.symbol
    if instrument.asset_class is AssetClass.FOREX:
        pair = f"{symbol[:3]}/{symbol[3:]}"
        return [_way(f"${symbol}"), _way(symbol), _way(pair)]
    ways = [_way(f"${symbol}")]
    if instrument.asset_class is AssetClass.CRYPTO:
        ways += [_way(f"{symbol}{pair}") for pair in ("/USD", "-USD", "/USDT", "-USDT")]
        is_ordinary = instrument.name in _ORDINARY_COINS
        return [*ways, *(_way(name, "", is_ordinary) for name in _names(instrument.name))]
    return [*ways, *(_way(name, _NOT_THE_COMPANY) for name in _names(instrument.name))]


def _way(part: str, behind: str = "", of_coins_only: bool = False) -> _Pattern:
    # As a whole word: no letter, digit or further sign of a cashtag beside it.
    words = re.compile(rf"(?<![\w$]){re.escape(part)}(?!\w){behind}")
    return _Pattern(part, words, of_coins_only)


def _names(name: str) -> Iterator[str]:
    """The ways to write a name: also its first word where that is unlike any other word."""
    if len(name.strip()) < 2:
        return
    yield name
    first = name.split(maxsplit=1)[0]
    if first != name and re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]", first) and len(first) >= _LOUD:
        yield first
    if name.isupper() and name.isalpha() and len(name) >= _LOUD:
        yield name.capitalize()


def _tickers(text: str) -> Iterator[str]:
    for inside in _IN_PARENTHESES.findall(text):
        parts = [part for part in _BETWEEN.split(_PLACE.sub("", inside).strip()) if part]
        if parts and all(_TICKERS.fullmatch(part) for part in parts):
            for part in parts:
                yield part
                yield re.split("[-/]", part)[0]
                yield part.replace("/", "")
