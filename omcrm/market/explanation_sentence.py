"""Puts the explanation of a price in words, for people."""

from collections.abc import Mapping

from omcrm.market.comparison import DisputeRule
from omcrm.market.explanation import Explanation, SourceVerdict
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import StaleReason

_VERDICTS: Mapping[SourceVerdict, str] = {
    SourceVerdict.ACTIVE: "Its price is shown.",
    SourceVerdict.STANDBY: "Its price could be shown; the active source comes before it.",
    SourceVerdict.RECOVERY_HOLD: "It has returned, and has to be fresh for some time first.",
    SourceVerdict.CONTRADICTED: "Other live sources contradict its price, or did a while ago.",
    SourceVerdict.OUTSIDE_ITS_BOOK: (
        "Its last price lies outside of its own bid and ask, or differs from its day figures."
    ),
    SourceVerdict.TOO_OLD: "Its price is older than the maximum age, or was not live at the close.",
    SourceVerdict.SOURCE_DOWN: "Its price came on a connection that has ended, or its calls fail.",
    SourceVerdict.LAST_RESORT: "A fixed price, shown only while no source has one.",
    SourceVerdict.NO_PRICE: "It has no price of this instrument.",
}

_STALE_REASONS: Mapping[StaleReason, str] = {
    StaleReason.AGE: (
        "It is stale because it is older than the maximum age, or was not live at the close."
    ),
    StaleReason.SOURCE_DOWN: "It is stale because its source is down.",
    StaleReason.CONTRADICTED: (
        "It is stale because another live source, or its source's own book, contradicts it, or did "
        "a while ago."
    ),
    StaleReason.CANCELLED: "It is stale because its source has taken the trade back.",
}

_DISPUTES: Mapping[DisputeRule, str] = {
    DisputeRule.UNDECIDED: (
        "Live sources contradict each other and nothing decides between them, so none is live."
    ),
    DisputeRule.MAJORITY: (
        "Live sources contradict each other: those that most of them contradict are not live."
    ),
    DisputeRule.FROZEN: (
        "Live sources contradict each other: one that stands still with all its symbols while "
        "others move is not live."
    ),
}

# By the class of the shown price: why its source is the active one.
_CHOICES: Mapping[PriceClass, str] = {
    PriceClass.LIVE: (
        "The first source in the order whose price is live is active; one that returns waits for "
        "its recovery hold."
    ),
    PriceClass.DELAYED: "No source is live: the first one with a fresh delayed price is active.",
    PriceClass.INDICATIVE: (
        "No stream has a fresh price: the first polled source in the order with a fresh one is "
        "active."
    ),
    PriceClass.CLOSED: "The market is closed: the source of its last live price stays active.",
    PriceClass.STALE: (
        "No stream has a fresh price: its last one stays for a minute, then that of a polled "
        "source, or else the youngest of all, is shown."
    ),
    PriceClass.REPLAYED: "No source has a price of now: that of a recording is shown.",
    PriceClass.SIMULATED: "No real source has a price: a simulated one is shown.",
    PriceClass.LAST_RESORT: "No source has a price: the instrument's fixed one is shown.",
}


def verdict_sentence(verdict: SourceVerdict) -> str:
    """Why a source is, or is not, the active one."""
    return _VERDICTS[verdict]


def stale_sentence(reason: StaleReason) -> str:
    """Why the shown price is stale."""
    return _STALE_REASONS[reason]


def rule_sentence(explanation: Explanation) -> str:
    """The rule that decided which price is shown."""
    if explanation.quote is None:
        return "No source has sent a price yet."
    choice = _CHOICES[explanation.quote.price_class]
    return choice if explanation.rule is None else f"{_DISPUTES[explanation.rule]} {choice}"
