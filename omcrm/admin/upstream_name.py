"""The spelling of instrument names at each source of prices."""

import re
from collections.abc import Mapping

from msgspec import Struct

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED


class Spelling(Struct, frozen=True, kw_only=True):
    """One source's names: they match `pattern`; `also` are sources that use the same names.

    `case` is `upper` or `lower`, to which a typed name is converted; None where case matters.
    """

    label: str
    example: str
    pattern: re.Pattern[str]
    case: str | None = None
    also: tuple[str, ...] = ()

    def normalized(self, text: str | None) -> str | None:
        """The typed name as the source writes it."""
        text = text.strip() if text else text
        if not text or self.case is None:
            return text
        return text.upper() if self.case == "upper" else text.lower()

    def fits(self, name: str) -> bool:
        """Whether the source can have this name."""
        return self.pattern.fullmatch(name) is not None


def _stock(label: str, *also: str) -> Spelling:
    pattern = re.compile(r"[A-Z0-9]{1,10}(?:[.\-][A-Z0-9]{1,6})?")
    return Spelling(label=label, example="AAPL", pattern=pattern, case="upper", also=also)


def _pair(label: str) -> Spelling:
    return Spelling(label=label, example="EURUSD", pattern=re.compile("[A-Z]{6}"), case="upper")


_STREAM = re.compile("[a-z0-9]{1,20}")

SPELLINGS: Mapping[str, Spelling] = {
    "binance": Spelling(label="Binance", example="btcusdt", pattern=_STREAM, case="lower"),
    "coinbase": Spelling(
        label="Coinbase",
        example="BTC-USD",
        pattern=re.compile("[A-Z0-9]{1,20}-[A-Z0-9]{2,10}"),
        case="upper",
    ),
    "kraken": Spelling(
        label="Kraken",
        example="BTC/USD",
        pattern=re.compile("[A-Z0-9.]{1,20}/[A-Z0-9]{2,10}"),
        case="upper",
    ),
    "coingecko": Spelling(
        label="CoinGecko",
        example="bitcoin",
        pattern=re.compile("[a-z0-9_][a-z0-9_.-]{0,99}"),
        case="lower",
    ),
    "finnhub": _stock("Finnhub", "finnhub_quote"),
    "alpaca": _stock("Alpaca"),
    # Case matters in its names of preferred shares and warrants: BACpA.
    "massive": Spelling(
        label="Massive",
        example="AAPL",
        pattern=re.compile(r"[A-Z][A-Za-z0-9]{0,9}(?:[.\-][A-Za-z0-9]{1,6})?"),
    ),
    "alpha_vantage": _stock("Alpha Vantage"),
    "exchangerate_api": _pair("ExchangeRate-API"),
    "frankfurter": _pair("Frankfurter"),
    SIMULATED.name: Spelling(
        label="Built-in exchange", example="btcusdt", pattern=_STREAM, case="lower"
    ),
}
"""By the source whose field has the name."""

ANYWHERE = (SIMULATED.name,)
"""The sources that have instruments of every class."""


def spelled_for(asset_class: AssetClass) -> list[str]:
    """The sources of SPELLINGS in the policy of this class, in its order, without ANYWHERE."""
    sources = POLICIES[asset_class].sources
    return [source for source in sources if source in SPELLINGS and source not in ANYWHERE]


def sources_of(source: str) -> tuple[str, ...]:
    """The sources that use the name in this one's field."""
    return (source, *SPELLINGS[source].also)


def classes_of(source: str) -> list[AssetClass]:
    """The classes whose policies have this source."""
    return [item for item, policy in POLICIES.items() if source in policy.sources]


def provider_names(provider_symbols: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Each name with the labels of the sources that use it, in the order of SPELLINGS."""
    names: dict[str, list[str]] = {}
    for source, spelling in SPELLINGS.items():
        for name in dict.fromkeys(
            provider_symbols.get(provider) for provider in sources_of(source)
        ):
            if name is not None:
                names.setdefault(name, []).append(spelling.label)
    return list(names.items())
