"""A trade and a best bid and ask of the simulated market."""

from msgspec import Struct

# Instead of a condition: the trade of this id is taken back.
CANCEL, CORRECT = "cancel", "correct"


class SimulatedTrade(Struct, frozen=True, gc=False):
    """One trade; price and quantity in 1e-8, time in ms.

    `condition` is that of a share, as on tape C, or CANCEL or CORRECT; then `wrong_price` is what
    the trade had before.
    """

    id: int
    price: int
    quantity: int
    time: int
    buyer_is_maker: bool
    condition: str = ""
    wrong_price: int = 0

    @property
    def quote(self) -> int:
        """Price times quantity, in 1e-16."""
        return self.price * self.quantity


class Top(Struct, frozen=True, gc=False):
    """The best bid and ask after one book update; all but the id in 1e-8."""

    update_id: int
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int
