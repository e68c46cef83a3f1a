import inspect
from typing import Any

from omcrm.exchange.message import Message
from omcrm.exchange.venue import Dialect, PlainDialect, Venue
from omcrm.exchange.venues import BINANCE, VENUES


class Silent:
    """A line that nobody may use."""

    number = 1


def asked_of(kind: type) -> set[str]:
    """The public names of a class."""
    return {name for name, _ in inspect.getmembers(kind) if name[0] != "_"}


def test_a_plain_dialect_does_nothing() -> None:
    """It hears and tells, says and announces nothing, and limits nobody."""
    exchange: Any = object()
    line: Any = Silent()
    dialect = PlainDialect(exchange, line)
    for done in (dialect.opened(), dialect.heard(b"\xff"), dialect.second(), dialect.ended()):
        assert done is None

    assert [] == list(dialect.told(Message("btcusdt@trade", b"{}")))
    assert (None, None, {}) == (dialect.closing_soon(), dialect.frames_a_second, dialect.status())
    assert (exchange, line) == (dialect.exchange, dialect.line)


def test_a_plain_dialect_is_whole() -> None:
    """It has everything that a dialect must have."""
    assert asked_of(Dialect) <= asked_of(PlainDialect) | {"frames_a_second"}


def test_a_venue_need_not_speak() -> None:
    """Nor answer: what it lacks is None."""
    venue = Venue()

    assert (None, None) == (venue.speak, venue.answer)


def test_every_venue_does_one_of_both() -> None:
    """And Binance is one of them."""
    assert BINANCE in VENUES
    assert all(venue.speak or venue.answer for venue in VENUES.values())
    assert all(name.isidentifier() and name.islower() for name in VENUES)
