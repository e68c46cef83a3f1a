"""How an instrument of each class trades in the market model."""

from msgspec import Struct

from omcrm.market.instrument import AssetClass, Instrument
from simulator.fixed import ONE

# The currencies of the catalogue's prices, where the symbol does not end with one.
QUOTE_CURRENCIES = {AssetClass.CRYPTO: "USDT", AssetClass.STOCK: "USD"}


class ModelProfile(Struct, frozen=True):
    """The parameters of one class: yearly volatility, spread in ticks, typical trade value.

    `swing` is by what part of itself the price moves every second in a market that swings."""

    volatility: float
    spreads: tuple[int, ...]
    trade_value: float
    quantity_decimals: int
    level_gap: int
    swing: float

    def typical_steps(self, price: int, step: int) -> int:
        """Return the usual quantity of a trade at `price`, in steps of `step`, both in 1e-8."""
        steps = self.trade_value * ONE * ONE / (price * step)
        return max(1, round(steps))


PROFILES: dict[AssetClass, ModelProfile] = {
    AssetClass.CRYPTO: ModelProfile(0.60, (1, 1, 1, 2, 3), 900.0, 5, 10, 0.0025),
    AssetClass.STOCK: ModelProfile(0.28, (1, 1, 2, 3, 4), 8_000.0, 0, 2, 0.0025),
    AssetClass.FOREX: ModelProfile(0.07, (4, 5, 6, 8), 60_000.0, 0, 5, 0.0005),
}


def names(instrument: Instrument) -> tuple[str, str, str]:
    """Return the symbol, base and quote under which Binance would list `instrument`."""
    symbol = instrument.provider_symbols.get("simulated", instrument.symbol).upper()
    if instrument.asset_class is AssetClass.FOREX:
        return symbol, symbol[:3], symbol[3:]
    quote = QUOTE_CURRENCIES[instrument.asset_class]
    return symbol, symbol.removesuffix(quote), quote
