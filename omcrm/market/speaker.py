"""Which of several sources speaks for a symbol."""

from collections.abc import Iterable, Mapping

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Statement


def choose(
    order: Iterable[str],
    said: Mapping[str, Statement],
    classes: Mapping[str, PriceClass],
    *,
    waiting: bool,
) -> str | None:
    """The name of the source that speaks, or None while nobody should.

    A real source that was ever heard is never replaced by an invented price, only by another real
    one; `waiting` says that a real source is still expected to speak for the first time.
    """
    heard = [name for name in order if name in said]
    real = [name for name in heard if said[name].source.is_real]
    fresh = [name for name in real if classes[name].is_fresh]
    if fresh:
        return fresh[0]
    if real:
        return max(real, key=lambda name: said[name].received_at)
    if waiting or not heard:
        return None
    return heard[0]
