"""What is traded: one instrument of the catalogue."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from omcrm.market.session import Calendar


class AssetClass(StrEnum):
    """The kinds of instrument that differ in hours, sources and tolerances."""

    CRYPTO = "crypto"
    STOCK = "stock"
    FOREX = "forex"

    @property
    def group(self) -> str:
        """The plural that groups instruments of this class in answers."""
        return "stocks" if self is AssetClass.STOCK else self.value


class Instrument(Struct, frozen=True, kw_only=True):
    """One instrument; `provider_symbols` maps a source's name to its own spelling,
    which is empty where the source does not have it.

    `decimals` is how many digits a price is shown with. `currency` is what a price is in; None
    where nobody said. Prices of orders are multiples of `price_step`, quantities of
    `quantity_step`, from the minimum to the maximum. `storage_scale` is how many decimals the
    database stores of a price. `last_resort_price` is shown, and never traded on, when no source
    says anything; None where there is no such price.
    """

    symbol: str
    name: str
    asset_class: AssetClass
    decimals: int
    currency: str | None
    price_step: Decimal
    quantity_step: Decimal
    minimum_quantity: Decimal
    maximum_quantity: Decimal
    storage_scale: int
    calendar: Calendar
    last_resort_price: Decimal | None = None
    provider_symbols: Mapping[str, str] = {}
    id: int = 0


def canonical_symbol(text: str) -> str:
    """A symbol as the catalogue spells it: in capitals, without spaces around it."""
    text = text.strip()
    # Capitals of other alphabets may be Latin ones: such a word is not a spelling of a symbol.
    return text.upper() if text.isascii() else text


def canonical_symbols(texts: Iterable[str]) -> list[str]:
    """The symbols as the catalogue spells them, each once, in the order given."""
    return list(dict.fromkeys(map(canonical_symbol, texts)))
