"""Fetches finished days: per symbol, source after source until none is missing."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, timedelta

from msgspec import Struct

from omcrm.errors import FeedError
from omcrm.feeds.history_provider import HistoryProvider, HistoryRequest
from omcrm.feeds.http_query import CallQuota, HttpQuery
from omcrm.feeds.provider import AccessDenied, Call, RequestRejected, Unreadable, batches
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED


class MissingDays(Struct, frozen=True):
    """The missing days of an instrument; `has_real` where it has others from a real source."""

    instrument: Instrument
    days: tuple[date, ...]
    has_real: bool = False


class HistoryResult(Struct, frozen=True):
    """The result of one symbol: the days that were fetched, and those that are still missing.

    `problems` has a sentence for each source that could not be asked or gave a bad answer, or one
    where there is no source; `limits` for each that has no data so far back.
    """

    symbol: str
    candles: tuple[DailyBar, ...]
    missing: tuple[date, ...]
    problems: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class _Search:
    """The state of one symbol's query."""

    def __init__(self, missing: MissingDays) -> None:
        self.instrument = with_usual_names(missing.instrument)
        self.has_real = missing.has_real
        self.missing = set(missing.days)
        self.candles: list[DailyBar] = []
        self.problems: list[str] = []
        self.limits: list[str] = []
        self.has_source = False

    def wants(self, source: str) -> bool:
        """Whether a source is to be asked; simulated days never stand beside real ones."""
        if not self.missing or source not in self.instrument.provider_symbols:
            return False
        return source != SIMULATED.name or not (self.has_real or self.candles)

    def take(self, candle: DailyBar) -> None:
        if candle.day not in self.missing:
            return
        if candle.is_plausible:
            self.missing.discard(candle.day)
            self.candles.append(candle)
        else:
            self.note(candle.source, f"its bar of {candle.day} was rejected")

    def note(self, source: str, problem: str) -> None:
        self.problems.append(f"{source}: {problem}")


class HistoryQuery:
    """Asks `providers`, by the name of their source, in the policy's order."""

    def __init__(self, query: HttpQuery, providers: Mapping[str, HistoryProvider]) -> None:
        self._query = query
        self._providers = providers

    def answers(self, missing_days: Iterable[MissingDays]) -> Iterator[HistoryResult]:
        """One result for each item, as soon as it is known; without days no call is made."""
        searches = [_Search(missing) for missing in missing_days]
        for asset_class in AssetClass:
            left = [search for search in searches if search.instrument.asset_class is asset_class]
            for name in POLICIES[asset_class].sources:
                for _ in self._ask(name, [search for search in left if search.wants(name)]):
                    # Results that took minutes of waiting must not be lost where the caller stops.
                    yield from (self._result(search) for search in left if not search.missing)
                    left = [search for search in left if search.missing]
            yield from map(self._result, left)

    def _result(self, search: _Search) -> HistoryResult:
        candles = sorted(search.candles, key=lambda candle: candle.day)
        problems = tuple(map(self._query.hidden, search.problems))
        missing = tuple(sorted(search.missing))
        if missing and not search.has_source:
            problems = ("no source of it can be asked",)
        limits = tuple(search.limits) if missing else ()
        return HistoryResult(search.instrument.symbol, tuple(candles), missing, problems, limits)

    def _ask(self, source: str, wanted: list[_Search]) -> Iterator[None]:
        """Ask one source; yields after each call."""
        provider = self._providers.get(source)
        if provider is None or not wanted:
            return
        for search in wanted:
            search.has_source = True
        missing = provider.missing()
        if missing is not None:
            for search in wanted:
                search.note(source, f"{missing} is not set")
            return
        quota = CallQuota(source, provider.api_key(), provider.limits.budgets)
        by_name = {search.instrument.provider_symbols[source]: search for search in wanted}
        waiting = dict(by_name)
        for names in batches(list(by_name), provider.limits.batch):
            searches = {name: by_name[name] for name in names}
            try:
                self._ask_together(quota, provider, searches)
            except FeedError as error:
                # Every call counts, also one that fails, and the next would fail alike.
                for search in waiting.values():
                    search.note(source, str(error))
                return
            for name in names:
                del waiting[name]
            yield

    def _ask_together(
        self, quota: CallQuota, provider: HistoryProvider, searches: Mapping[str, _Search]
    ) -> None:
        now = self._query.clock()
        earliest = now.astimezone(UTC).date() - timedelta(days=provider.reach)
        days = {day for search in searches.values() for day in search.missing if day >= earliest}
        for search in searches.values():
            if min(search.missing) < earliest:
                search.limits.append(f"{quota.source}: has no more than {provider.reach} days back")
        if not days:
            return
        names = {name: item.instrument.symbol for name, item in searches.items()}
        request = HistoryRequest(names, min(days), max(days), now)
        for call in provider.calls(request):
            self._call(quota, provider, call, request, searches)

    def _call(
        self,
        quota: CallQuota,
        provider: HistoryProvider,
        call: Call,
        request: HistoryRequest,
        searches: Mapping[str, _Search],
    ) -> None:
        reply = self._query.get(quota, call)
        by_symbol = {search.instrument.symbol: search for search in searches.values()}
        for event in provider.parse(call, reply, request):
            if isinstance(event, AccessDenied):
                raise self._query.note_refusal(quota, event)
            if isinstance(event, DailyBar):
                by_symbol[event.symbol].take(event)
                continue
            for name in call.names:
                searches[name].note(quota.source, _words(event))


def _words(event: RequestRejected | Unreadable) -> str:
    if isinstance(event, RequestRejected):
        return f"refused with {event.code}: {event.message}"
    return f"unreadable answer: {event.problem}"
