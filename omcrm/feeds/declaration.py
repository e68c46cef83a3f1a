"""What a provider declares in the `__init__.py` of its folder: data, no code that runs.

Settings, `.env.example`, forms, labels, drills and documents follow from it.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from omcrm.feeds.provider import PollLimits, StreamLimits
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source


class FeedAddress(Struct, frozen=True, kw_only=True):
    """An address of the upstream, which the setting `env` has.

    `name` is that of the source that is reached there, whose choice is `REALTIME_SOURCES`, or one
    of its own for a second address, which is used together with the first. `at_exchange` is where
    the built-in exchange serves it.
    """

    name: str
    env: str
    default: str
    about: str
    at_exchange: str

    @property
    def schemes(self) -> tuple[str, str]:
        """What its URL may begin with."""
        return ("ws", "wss") if self.default.startswith("ws") else ("http", "https")


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key that the setting `env` has; it is never stored, logged or shown."""

    env: str
    about: str
    is_optional: bool = False


class Choice(Struct, frozen=True, kw_only=True):
    """Some of `options`, which the setting `env` has, separated by commas."""

    env: str
    options: tuple[str, ...]
    default: tuple[str, ...]
    about: str


class Spelling(Struct, frozen=True, kw_only=True):
    """The names of instruments at a provider: they match `pattern`, whose group `coin`, if it has
    one, is the coin of a pair.

    `case` is `upper` or `lower`, to which a typed name is converted; None where case matters.
    `usual` is by asset class the name of an instrument without a stored one, from the `{code}` of
    its coin, share or pair, or from the `{base}` and `{quote}` of a pair of currencies. A class is
    missing where a wrong name would harm others or mean something else there. `pairs` are the pairs
    of currencies that the provider has, where those are known to be a few.
    """

    example: str
    pattern: re.Pattern[str]
    case: str | None = None
    usual: Mapping[AssetClass, str] = {}
    pairs: frozenset[str] | None = None

    def normalized(self, text: str | None) -> str | None:
        """The typed name as the provider writes it."""
        text = text.strip() if text else text
        if not text or self.case is None:
            return text
        return text.upper() if self.case == "upper" else text.lower()

    def fits(self, name: str) -> bool:
        """Whether the provider can have this name."""
        return self.pattern.fullmatch(name) is not None

    def coin(self, name: str) -> str | None:
        """The coin that a name is about, in capitals; None where the name does not show it."""
        match = self.pattern.fullmatch(name)
        coin = None if match is None else match.groupdict().get("coin")
        return None if coin is None else coin.upper()


TICKERS = Spelling(
    example="AAPL", pattern=re.compile(r"[A-Z0-9]{1,10}(?:[.\-][A-Z0-9]{1,6})?"), case="upper"
)
"""Tickers of shares, as most providers write them."""

PAIRS = Spelling(example="EURUSD", pattern=re.compile("[A-Z]{6}"), case="upper")
"""Pairs of currencies."""


class StreamSource(Struct, frozen=True, kw_only=True):
    """A source that streams: `stream.py` of the folder has its parser.

    By its address its prices may also be of one of `other_classes`.
    """

    source: Source
    limits: StreamLimits
    other_classes: tuple[PriceClass, ...] = ()


class PollSource(Struct, frozen=True, kw_only=True):
    """A source that is polled: `poll.py` of the folder has its parser; `label` where it is not the
    provider's."""

    source: Source
    limits: PollLimits
    label: str = ""


class HistorySource(Struct, frozen=True, kw_only=True):
    """Finished days: `history.py` of the folder has their parser.

    They are requested at the address of this name, and go `reach` calendar days back.
    """

    source: Source
    limits: PollLimits
    address: str
    reach: int


class Declaration(Struct, frozen=True, kw_only=True):
    """Everything about a provider but its parsers.

    `name` is that of the folder, `venue` the provider of the built-in exchange that stands for it.
    """

    name: str
    label: str
    venue: str
    spelling: Spelling
    stream: StreamSource | None = None
    poll: PollSource | None = None
    history: HistorySource | None = None
    addresses: tuple[FeedAddress, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    choices: tuple[Choice, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The label of each of its sources of prices."""
        labels = {} if self.stream is None else {self.stream.source.name: self.label}
        if self.poll is not None:
            labels[self.poll.source.name] = self.poll.label or self.label
        return labels
