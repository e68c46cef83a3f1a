"""What the desk's pages send."""

from typing import Annotated

from msgspec import Meta, Struct

from omcrm.market.bar import KEPT, Timeframe
from omcrm.wire.field import Symbol

# Far above any subscription limit, so that the answer can name the symbols beyond the limit.
Symbols = Annotated[list[Symbol], Meta(max_length=1000)]
Ids = Annotated[list[int], Meta(max_length=1000)]


class ResumeRequest(Struct, frozen=True):
    """The resume token of a page that lost its connection."""

    epoch: Annotated[str, Meta(max_length=40)]
    seq: Annotated[int, Meta(ge=0)]


class Instruments(Struct, frozen=True, omit_defaults=True):
    """The body of subscribe and unsubscribe: symbols or ids."""

    symbols: Symbols = []
    instrument_ids: Ids = []
    # Only of subscribe: the highest number of updates per symbol and second; the resume token.
    max_rate: Annotated[float, Meta(ge=0.01, le=1000)] | None = None
    since: ResumeRequest | None = None

    def __post_init__(self) -> None:
        if not self.symbols and not self.instrument_ids:
            raise ValueError("`symbols` or `instrument_ids` must name at least one instrument")


class PriceHistory(Struct, frozen=True):
    """The body of `get_price_history`."""

    symbol: Symbol
    timeframe: Timeframe = "1m"
    limit: Annotated[int, Meta(ge=1, le=KEPT)] = 200
