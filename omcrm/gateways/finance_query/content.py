"""What each channel tells in a turn, put together from its parts; one that fails is None or []."""

from typing import Any

from msgspec import Raw

from omcrm.gateways.finance_query.headline import headlines
from omcrm.gateways.finance_query.hours import hours
from omcrm.gateways.finance_query.interval import IntervalSnapshot, part
from omcrm.gateways.finance_query.movers import actives, gainers, indices, losers
from omcrm.gateways.finance_query.profile import profile, similar
from omcrm.gateways.finance_query.row import InstrumentFigures, row, standing, unknown_row
from omcrm.gateways.finance_query.sectors import company, sectors
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.instrument import Instrument
from omcrm.streaming import wire

HOURS, QUOTES = "finance_query_hours", "finance_query_quotes"
MARKET, PROFILE = "finance_query_market", "finance_query_profile"
"""The channels' names, in counts and logs."""

_HEADLINES = 10
# What movers and sectors are computed from.
_UNIVERSE = {"universe": "catalogue"}


def hours_text(turn: IntervalSnapshot) -> str:
    """Whether the exchange is open."""
    return turn.computed(HOURS, None, lambda: wire.dumps(hours(turn.at)))


def quotes_text(turn: IntervalSnapshot, symbols: tuple[str, ...]) -> str:
    """The short quotes of these symbols, in their order."""
    return f"[{','.join(_row(turn, symbol) for symbol in symbols)}]"


def market_text(turn: IntervalSnapshot) -> str:
    """Movers, averages, headlines and sectors."""
    return turn.computed(MARKET, None, lambda: wire.dumps(_market(turn)))


def profile_text(turn: IntervalSnapshot, symbol: str | None) -> str:
    """All that is known of an instrument; None for one that is not followed."""
    return turn.computed(PROFILE, symbol, lambda: wire.dumps(_profile(turn, symbol)))


def _market(turn: IntervalSnapshot) -> dict[str, Any]:
    return {
        "actives": part(lambda: actives(_standings(turn)), []),
        "gainers": part(lambda: gainers(_standings(turn)), []),
        "losers": part(lambda: losers(_standings(turn)), []),
        "indices": part(lambda: indices(_standings(turn)), []),
        "headlines": part(lambda: headlines(turn.news.latest(_HEADLINES), turn.at), []),
        "sectors": part(lambda: list(_sectors(turn).values()), []),
        **_UNIVERSE,
    }


def _profile(turn: IntervalSnapshot, symbol: str | None) -> dict[str, Any]:
    instrument = turn.instruments.get(symbol or "")
    if instrument is None:
        return {"quote": None, "similar": [], "sectorPerformance": None, "news": [], **_UNIVERSE}
    of = instrument.symbol
    return {
        "quote": part(lambda: _long_quote(turn, instrument), None),
        "similar": part(lambda: _similar(turn, instrument), []),
        "sectorPerformance": part(lambda: _sector(turn, instrument), None),
        "news": part(lambda: headlines(turn.news.latest(_HEADLINES, of), turn.at), []),
        **_UNIVERSE,
    }


# Parts, of which several tell


def _standing(turn: IntervalSnapshot, instrument: Instrument) -> InstrumentFigures:
    return standing(instrument, turn.quotes.get(instrument.symbol))


def _standings(turn: IntervalSnapshot) -> list[InstrumentFigures]:
    return turn.once(
        "standings", lambda: [_standing(turn, instrument) for instrument in _followed(turn)]
    )


def _followed(turn: IntervalSnapshot) -> list[Instrument]:
    return list(turn.instruments.values())


def _sectors(turn: IntervalSnapshot) -> dict[str, dict[str, Any]]:
    return turn.once("sectors", lambda: sectors(_standings(turn), lambda of: _past(turn, of)))


def _past(turn: IntervalSnapshot, of: Instrument) -> YearFigures:
    """Nothing where the database does not answer: the quotes are known all the same."""
    return part(lambda: turn.archive.past(of, turn.at), YearFigures())


def _row(turn: IntervalSnapshot, symbol: str) -> str:
    instrument = turn.instruments.get(symbol)
    if instrument is None:
        return wire.dumps(unknown_row(symbol))
    return turn.computed(QUOTES, symbol, lambda: _written_row(turn, instrument))


def _written_row(turn: IntervalSnapshot, instrument: Instrument) -> str:
    found = part(lambda: row(_standing(turn, instrument), turn.at), unknown_row(instrument.symbol))
    return wire.dumps(found)


def _long_quote(turn: IntervalSnapshot, instrument: Instrument) -> dict[str, Any]:
    return profile(_standing(turn, instrument), _past(turn, instrument), turn.at)


def _similar(turn: IntervalSnapshot, instrument: Instrument) -> list[Raw]:
    return [Raw(_row(turn, symbol).encode()) for symbol in similar(instrument, _followed(turn))]


def _sector(turn: IntervalSnapshot, instrument: Instrument) -> dict[str, Any] | None:
    found = company(instrument)
    return None if found is None else _sectors(turn).get(found.sector)
