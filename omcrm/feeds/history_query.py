"""Asks for finished days: per symbol, source after source until none is missing."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, timedelta

from msgspec import Struct

from omcrm.errors import FeedError
from omcrm.feeds.history_provider import HistoryProvider, HistoryRequest
from omcrm.feeds.http_query import CallQuota, HttpQuery
from omcrm.feeds.provider import AccessDenied, Call, RequestRejected, Unreadable, batches
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED


class MissingDays(Struct, frozen=True):
    """The days that are missing of an instrument; `has_real` where a real source told others."""

    instrument: Instrument
    days: tuple[date, ...]
    has_real: bool = False


class HistoryResult(Struct, frozen=True):
    """What became of one symbol: the days that were told, and those that nobody told.

    `problems` has a sentence for each source that could not be asked or did not answer well, or for
    there being none; `limits` for each that tells no more of the past.
    """

    symbol: str
    candles: tuple[DailyBar, ...]
    missing: tuple[date, ...]
    problems: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class _Search:
    """What is known so far of one symbol."""

    def __init__(self, wish: MissingDays) -> None:
        self.instrument = wish.instrument
        self.has_real = wish.has_real
        self.missing = set(wish.days)
        self.candles: list[DailyBar] = []
        self.problems: list[str] = []
        self.limits: list[str] = []
        self.has_source = False

    def wants(self, source: str) -> bool:
        """Whether a source is to be asked; invented days never stand beside real ones."""
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
            self.note(candle.source, f"what it told of {candle.day} was not believed")

    def note(self, source: str, problem: str) -> None:
        self.problems.append(f"{source}: {problem}")


class HistoryQuery:
    """Asks `providers`, by the name of their source, in the policy's order."""

    def __init__(self, query: HttpQuery, providers: Mapping[str, HistoryProvider]) -> None:
        self._query = query
        self._providers = providers

    def answers(self, wishes: Iterable[MissingDays]) -> Iterator[HistoryResult]:
        """One answer for each wish, as soon as there is one; nobody is asked for no days."""
        searches = [_Search(wish) for wish in wishes]
        for asset_class in AssetClass:
            left = [search for search in searches if search.instrument.asset_class is asset_class]
            for name in POLICIES[asset_class].sources:
                for _ in self._ask(name, [search for search in left if search.wants(name)]):
                    # What is found after minutes of waiting must not be lost by an end.
                    yield from (self._found(search) for search in left if not search.missing)
                    left = [search for search in left if search.missing]
            yield from map(self._found, left)

    def _found(self, search: _Search) -> HistoryResult:
        candles = sorted(search.candles, key=lambda candle: candle.day)
        problems = tuple(map(self._query.hidden, search.problems))
        missing = tuple(sorted(search.missing))
        if missing and not search.has_source:
            problems = ("no source of it can be asked",)
        limits = tuple(search.limits) if missing else ()
        return HistoryResult(search.instrument.symbol, tuple(candles), missing, problems, limits)

    def _ask(self, source: str, wanted: list[_Search]) -> Iterator[None]:
        """Ask one source; gives way after each call."""
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
                # Each call costs, also one that fails: the next would fail alike.
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
                search.limits.append(
                    f"{quota.source}: tells no more than {provider.reach} days back"
                )
        if not days:
            return
        names = {name: item.instrument.symbol for name, item in searches.items()}
        past = HistoryRequest(names, min(days), max(days), now)
        for call in provider.calls(past):
            self._call(quota, provider, call, past, searches)

    def _call(
        self,
        quota: CallQuota,
        provider: HistoryProvider,
        call: Call,
        past: HistoryRequest,
        searches: Mapping[str, _Search],
    ) -> None:
        reply = self._query.get(quota, call)
        by_symbol = {search.instrument.symbol: search for search in searches.values()}
        for told in provider.parse(call, reply, past):
            if isinstance(told, AccessDenied):
                raise self._query.note_refusal(quota, told)
            if isinstance(told, DailyBar):
                by_symbol[told.symbol].take(told)
                continue
            for name in call.names:
                searches[name].note(quota.source, _words(told))


def _words(told: RequestRejected | Unreadable) -> str:
    if isinstance(told, RequestRejected):
        return f"refused with {told.code}: {told.message}"
    return f"unreadable answer: {told.problem}"
