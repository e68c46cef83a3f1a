"""Which figures of its day a trade sets, by its conditions, as the consolidated tapes publish it.

CTA (NYSE and the regional exchanges, tapes A and B): CTS Output Specification; UTP (Nasdaq, tape
C): UTP Trade Data Feed Specification; both under "sale condition", consolidated processing. Where
they let a trade set the last price only under a further condition ("if it is the first of the day",
"if it is of the listing market"), it never does here: who connects at noon cannot know that.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct


class TradeUpdates(Struct, frozen=True):
    """Whether a trade sets the last price, may be the high or low, and counts in the volume."""

    last: bool = True
    high_low: bool = True
    volume: bool = True


EVERYTHING = TradeUpdates()
"""What a trade without conditions sets."""

NOT_LAST = TradeUpdates(last=False)
VOLUME_ONLY = TradeUpdates(last=False, high_low=False)
"""Also what a trade with an unknown condition sets: no price is better than a wrong one."""

PRICE_ONLY = TradeUpdates(volume=False)
NOTHING = TradeUpdates(last=False, high_low=False, volume=False)

ConditionTable = Mapping[str, TradeUpdates]

CTA: ConditionTable = {
    # Regular (blank or @), automatic execution, intermarket sweep, rule 127 or 155, cross,
    # reopening and closing trade.
    **dict.fromkeys("@ EFKX56", EVERYTHING),
    # Sold last, opening trade, prior reference price, sold out of sequence, derivatively priced.
    **dict.fromkeys("LOPZ4", NOT_LAST),
    # Average price, cash, price variation, odd lot, next day, seller, extended hours (T, U),
    # contingent and qualified contingent trade.
    **dict.fromkeys("BCHINRTUV7", VOLUME_ONLY),
    # A market center's official close and open.
    **dict.fromkeys("MQ", NOTHING),
    # The corrected consolidated close.
    "9": PRICE_ONLY,
}
"""By the sale condition of a trade on tape A or B."""

UTP: ConditionTable = {
    # Regular, acquisition, bunched, distribution, intermarket sweep, rule 155, opening prints,
    # split, cross, yellow flag, stopped stock, reopening and closing prints.
    **dict.fromkeys("@ ABDFKOSXY156", EVERYTHING),
    # Bunched sold, sold last, prior reference price, sold out of sequence, derivatively priced.
    **dict.fromkeys("GLPZ4", NOT_LAST),
    # Cash, price variation, odd lot, next day, seller, form T, extended hours out of sequence,
    # contingent trade, average price, qualified contingent trade.
    **dict.fromkeys("CHINRTUVW7", VOLUME_ONLY),
    **dict.fromkeys("MQ", NOTHING),
    "9": PRICE_ONLY,
}
"""By the sale condition of a trade on tape C."""


def both(one: TradeUpdates, other: TradeUpdates) -> TradeUpdates:
    """What both of these allow."""
    return TradeUpdates(
        one.last and other.last, one.high_low and other.high_low, one.volume and other.volume
    )


EITHER_TAPE: ConditionTable = {
    code: both(CTA.get(code, EVERYTHING), UTP.get(code, EVERYTHING)) for code in {*CTA, *UTP}
}
"""By the sale condition of a trade whose tape is not known: a code of both means the stricter."""


def updates_of(conditions: Iterable[str], table: ConditionTable) -> TradeUpdates:
    """What a trade with all these conditions sets: what every one of them allows."""
    updates = EVERYTHING
    for condition in conditions:
        allowed = table.get(condition, VOLUME_ONLY)
        if allowed is not EVERYTHING:
            updates = both(updates, allowed)
    return updates
