"""The message of each channel in an interval, the hours of the exchange, and headlines.

A section of a message that fails is None or [].
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from omcrm.gateways.finance_query.movers import actives, gainers, indices, losers
from omcrm.gateways.finance_query.profile import profile, similar
from omcrm.gateways.finance_query.publisher import IntervalSnapshot, or_fallback
from omcrm.gateways.finance_query.row import InstrumentFigures, instrument_figures, row, unknown_row
from omcrm.gateways.finance_query.sectors import company, sectors
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.instrument import Instrument
from omcrm.market.news_item import SIMULATED_NEWS, NewsItem
from omcrm.market.session import Calendar, SessionState, session_state
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.finance_query import (
    HOURS,
    MARKET,
    PROFILE,
    QUOTES,
    FinanceQueryHeadline,
    FinanceQueryHoursUpdate,
    FinanceQueryLongQuote,
    FinanceQueryMarketUpdate,
    FinanceQueryProfileUpdate,
    FinanceQuerySector,
    FinanceQueryShortQuote,
)

_HEADLINES = 10
# What movers and sectors are computed from.
_UNIVERSE: Final = "catalogue"
_NEW_YORK = ZoneInfo("America/New_York")
_NOON = 12
_EARLY_CLOSE: Final = "Early Close"
_AGE_UNITS = (
    ("year", timedelta(days=365)),
    ("month", timedelta(days=30)),
    ("week", timedelta(weeks=1)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def hours_text(snapshot: IntervalSnapshot) -> str:
    """The message of `/hours`: whether the exchange is open."""
    return snapshot.computed(HOURS.name, None, lambda: encoding.dumps(hours(snapshot.at)))


def quotes_text(snapshot: IntervalSnapshot, symbols: tuple[str, ...]) -> str:
    """The message of `/quotes`: the short quotes of these symbols, in their order."""
    return f"[{','.join(_row(snapshot, symbol) for symbol in symbols)}]"


def market_text(snapshot: IntervalSnapshot) -> str:
    """The message of `/market`: movers, averages, headlines and sectors."""
    return snapshot.computed(MARKET.name, None, lambda: encoding.dumps(_market(snapshot)))


def profile_text(snapshot: IntervalSnapshot, symbol: str | None) -> str:
    """The message of `/profile`; `symbol` is None for an instrument that is not followed."""
    return snapshot.computed(
        PROFILE.name, symbol, lambda: encoding.dumps(_profile(snapshot, symbol))
    )


def _market(snapshot: IntervalSnapshot) -> FinanceQueryMarketUpdate:
    return FinanceQueryMarketUpdate(
        actives=or_fallback(lambda: actives(_all_figures(snapshot)), []),
        gainers=or_fallback(lambda: gainers(_all_figures(snapshot)), []),
        losers=or_fallback(lambda: losers(_all_figures(snapshot)), []),
        indices=or_fallback(lambda: indices(_all_figures(snapshot)), []),
        headlines=or_fallback(lambda: headlines(snapshot.news.latest(_HEADLINES), snapshot.at), []),
        sectors=or_fallback(lambda: list(_sectors(snapshot).values()), []),
        universe=_UNIVERSE,
    )


def _profile(snapshot: IntervalSnapshot, symbol: str | None) -> FinanceQueryProfileUpdate:
    instrument = snapshot.instruments.get(symbol or "")
    if instrument is None:
        return FinanceQueryProfileUpdate(
            quote=None, similar=[], sectorPerformance=None, news=[], universe=_UNIVERSE
        )
    of = instrument.symbol
    return FinanceQueryProfileUpdate(
        quote=or_fallback(lambda: _long_quote(snapshot, instrument), None),
        similar=or_fallback(lambda: _similar(snapshot, instrument), []),
        sectorPerformance=or_fallback(lambda: _sector(snapshot, instrument), None),
        news=or_fallback(lambda: headlines(snapshot.news.latest(_HEADLINES, of), snapshot.at), []),
        universe=_UNIVERSE,
    )


# Sections that several messages share


def _figures(snapshot: IntervalSnapshot, instrument: Instrument) -> InstrumentFigures:
    return instrument_figures(instrument, snapshot.quotes.get(instrument.symbol))


def _all_figures(snapshot: IntervalSnapshot) -> list[InstrumentFigures]:
    return snapshot.cached(
        "figures", lambda: [_figures(snapshot, instrument) for instrument in _followed(snapshot)]
    )


def _followed(snapshot: IntervalSnapshot) -> list[Instrument]:
    return list(snapshot.instruments.values())


def _sectors(snapshot: IntervalSnapshot) -> dict[str, FinanceQuerySector]:
    return snapshot.cached(
        "sectors", lambda: sectors(_all_figures(snapshot), lambda of: _year_figures(snapshot, of))
    )


def _year_figures(snapshot: IntervalSnapshot, of: Instrument) -> YearFigures:
    """The figures of the closes; empty where the database fails, so that the quotes are sent."""
    return or_fallback(lambda: snapshot.archive.year_figures(of, snapshot.at), YearFigures())


def _row(snapshot: IntervalSnapshot, symbol: str) -> str:
    instrument = snapshot.instruments.get(symbol)
    if instrument is None:
        return encoding.dumps(unknown_row(symbol))
    return snapshot.cached(
        ("row", symbol), lambda: encoding.dumps(_short_quote(snapshot, instrument))
    )


def _short_quote(snapshot: IntervalSnapshot, instrument: Instrument) -> FinanceQueryShortQuote:
    return snapshot.computed(
        QUOTES.name,
        instrument.symbol,
        lambda: or_fallback(
            lambda: row(_figures(snapshot, instrument), snapshot.at), unknown_row(instrument.symbol)
        ),
    )


def _long_quote(snapshot: IntervalSnapshot, instrument: Instrument) -> FinanceQueryLongQuote:
    return profile(_figures(snapshot, instrument), _year_figures(snapshot, instrument), snapshot.at)


def _similar(snapshot: IntervalSnapshot, instrument: Instrument) -> list[FinanceQueryShortQuote]:
    symbols = similar(instrument, _followed(snapshot))
    return [_short_quote(snapshot, snapshot.instruments[symbol]) for symbol in symbols]


def _sector(snapshot: IntervalSnapshot, instrument: Instrument) -> FinanceQuerySector | None:
    issuer = company(instrument)
    return None if issuer is None else _sectors(snapshot).get(issuer.sector)


# The hours of the exchange


def hours(now: datetime) -> FinanceQueryHoursUpdate:
    """Status, reason and time; only the regular session counts as open."""
    state = session_state(Calendar.XNYS, now)
    return FinanceQueryHoursUpdate(
        status=_status(state), reason=_reason(state, now), timestamp=iso(now)
    )


def _status(state: SessionState) -> Literal["Open", "Closed", "Early Close"]:
    if not state.is_open:
        return "Closed"
    return _EARLY_CLOSE if state.reason.startswith(_EARLY_CLOSE) else "Open"


def _reason(state: SessionState, now: datetime) -> str:
    """The session's reason; nights between trading days are `Pre-market` or `After-hours`."""
    if not state.reason.startswith("Closed"):
        return state.reason
    is_morning = now.astimezone(_NEW_YORK).hour < _NOON
    return state.reason.replace("Closed", "Pre-market" if is_morning else "After-hours", 1)


# Headlines


def headlines(items: Iterable[NewsItem], now: datetime) -> list[FinanceQueryHeadline]:
    """Title, link, source, image and time; the source of simulated news is `simulated`."""
    return [
        FinanceQueryHeadline(
            title=item.title,
            link=item.url,
            source=_news_source(item),
            img=item.image,
            time=None if item.published_at is None else ago(now - item.at),
        )
        for item in items
    ]


def ago(age: timedelta) -> str:
    """An age such as `1 day ago`, in the largest unit that fits; `just now` below a minute."""
    for unit, length in _AGE_UNITS:
        if (count := age // length) > 0:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _news_source(item: NewsItem) -> str:
    return item.source if item.source == SIMULATED_NEWS else item.publisher or item.source
