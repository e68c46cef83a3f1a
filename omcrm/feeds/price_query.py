"""Fetches present prices once: per symbol, source after source until one is accepted."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from msgspec import Struct, structs

from omcrm.errors import FeedError
from omcrm.feeds.http_query import CallQuota, HttpQuery
from omcrm.feeds.provider import (
    AccessDenied,
    Call,
    FrameContext,
    PollProvider,
    RequestRejected,
    Unreadable,
    batches,
)
from omcrm.feeds.recording_date import recorded_at
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.quote import Quote
from omcrm.market.tick import Tick

NO_SOURCE = "no source of it can be asked"


class PriceResult(Struct, frozen=True):
    """The result of one symbol: the quote of the source whose price was accepted, numbered 0.

    Where none was, `problems` has a sentence for each source that was to be asked.
    """

    symbol: str
    quote: Quote | None = None
    problems: tuple[str, ...] = ()


class PriceQuery:
    """Applies the answers to the consolidator, which validates it like every tick.

    `publish` is called with each quote that changes.
    """

    def __init__(
        self,
        query: HttpQuery,
        providers: Mapping[str, PollProvider],
        consolidator: Consolidator,
        publish: Callable[[Quote], None],
        replay_of: Collection[str] = (),
    ) -> None:
        self._query = query
        self._providers = providers
        self._consolidator = consolidator
        self._publish = publish
        self._replay_of = replay_of
        self._problems: dict[str, list[str]] = {}

    def answers(self, instruments: Iterable[Instrument], batch: int) -> Iterator[PriceResult]:
        """One result for each instrument, as soon as it is known.

        A call requests `batch` symbols at most.
        """
        wanted = list(map(with_usual_names, instruments))
        self._problems = {instrument.symbol: [] for instrument in wanted}
        for asset_class in AssetClass:
            left = {
                instrument.symbol: instrument
                for instrument in wanted
                if instrument.asset_class is asset_class
            }
            for name in POLICIES[asset_class].sources:
                for answer in self._ask(name, left, batch):
                    del left[answer.symbol]
                    yield answer
            for symbol in left:
                problems = self._problems[symbol] or [NO_SOURCE]
                yield PriceResult(symbol, problems=tuple(map(self._query.hidden, problems)))

    def _ask(
        self, source: str, left: Mapping[str, Instrument], batch: int
    ) -> Iterator[PriceResult]:
        provider = self._providers.get(source)
        names = {
            item.provider_symbols[source]: symbol
            for symbol, item in left.items()
            if source in item.provider_symbols
        }
        if provider is None or not names:
            return
        missing = provider.missing()
        if missing is not None:
            self._note(source, names.values(), f"{missing} is not set")
            return
        quota = CallQuota(source, provider.api_key(), provider.limits.budgets)
        answered: set[str] = set()
        for batch_names in batches(list(names), batch):
            # A table may have brought more symbols than were requested.
            waiting = [name for name in batch_names if names[name] not in answered]
            for call in provider.calls(waiting):
                try:
                    answers = self._call(provider, quota, call, names)
                except FeedError as error:
                    # Every call counts, also one that fails, and the next would fail alike.
                    self._note(source, set(names.values()) - answered, str(error))
                    return
                new = [answer for answer in answers if answer.symbol not in answered]
                answered.update(answer.symbol for answer in new)
                yield from new

    def _call(
        self, provider: PollProvider, quota: CallQuota, call: Call, names: Mapping[str, str]
    ) -> list[PriceResult]:
        reply = self._query.get(quota, call)
        recorded = recorded_at(quota.source, call.url, reply.headers, self._replay_of)
        connection = self._consolidator.connection_of(quota.source)
        arrival = FrameContext(self._query.clock(), connection, names)
        answers, words = [], "sent no price"
        for event in list(provider.parse(call, reply, arrival)):
            if isinstance(event, AccessDenied):
                raise self._query.note_refusal(quota, event)
            if isinstance(event, RequestRejected):
                words = f"refused with {event.code}: {event.message}"
            elif isinstance(event, Unreadable):
                words = f"unreadable answer: {event.problem}"
            elif isinstance(event, Tick):
                answer = self._validated(structs.replace(event, recorded_at=recorded))
                if answer is None:
                    self._note(quota.source, [event.symbol], "its price was rejected")
                else:
                    answers.append(answer)
        priced = {answer.symbol for answer in answers}
        unpriced = [names[name] for name in call.names if names[name] not in priced]
        self._note(quota.source, unpriced, words)
        return answers

    def _validated(self, tick: Tick) -> PriceResult | None:
        """The quote of the source, if the price of this tick was accepted, or is older than it."""
        changed = self._consolidator.apply(tick)
        if changed is not None:
            self._publish(changed)
        quote = self._consolidator.quotes_by_source(tick.symbol).get(tick.source.name)
        if quote is None:
            return None
        is_accepted = quote.last_received_at == tick.received_at or _is_older(tick, quote)
        return PriceResult(tick.symbol, quote) if is_accepted else None

    def _note(self, source: str, symbols: Iterable[str], problem: str) -> None:
        for symbol in symbols:
            problems = self._problems[symbol]
            if not any(noted.startswith(f"{source}: ") for noted in problems):
                problems.append(f"{source}: {problem}")


def _is_older(tick: Tick, quote: Quote) -> bool:
    """Whether the source has already sent a later price: its caches differ."""
    time = tick.trade.time if tick.trade is not None else None
    return time is not None and quote.provider_time is not None and time < quote.provider_time
