"""Asks upstreams on request, as this installation's settings say."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from omcrm.feeds.history import histories
from omcrm.feeds.history_query import HistoryQuery, HistoryResult, MissingDays
from omcrm.feeds.http_query import HttpQuery
from omcrm.feeds.price_query import PriceQuery, PriceResult
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.registry import polls
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.market.validation import Validator
from omcrm.settings import Settings
from omcrm.storage.asset_price import StoredPrice


def utc_now() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


class UpstreamQuery:
    """One round of questions, from the budgets that all processes of this machine share.

    It is over after `seconds`; for a budget that renews it waits `patience` seconds at most.
    """

    def __init__(self, settings: Settings, seconds: float, patience: float = 0.0) -> None:
        self._feeds = settings.feeds
        self._batch = settings.realtime_batch_size
        call_counts = CallCounts(settings.feed_state_path)
        self._query = HttpQuery(call_counts, self._feeds.keys, utc_now, seconds, patience)
        self._histories = histories(self._feeds)

    def prices(
        self,
        instruments: Iterable[Instrument],
        consolidator: Consolidator | None = None,
        publish: Callable[[Quote], None] = lambda quote: None,
    ) -> Iterator[PriceResult]:
        """The present price of each, validated by `consolidator`, or by an empty one.

        `publish` gets each quote that changes.
        """
        wanted = list(instruments)
        if consolidator is None:
            consolidator = Consolidator(utc_now, Validator())
            consolidator.follow(wanted)
        query = PriceQuery(self._query, polls(self._feeds), consolidator, publish)
        return query.answers(wanted, self._batch)

    def days(self, wishes: Iterable[MissingDays]) -> Iterator[HistoryResult]:
        """The missing days of each; nobody is asked where none is missing."""
        return HistoryQuery(self._query, self._histories).answers(wishes)

    def real_histories(self, instrument: Instrument) -> bool:
        """Whether a real source can be asked for past days of an instrument."""
        return any(
            provider.source.is_real and provider.missing() is None
            for name, provider in self._histories.items()
            if name in instrument.provider_symbols
        )

    def close(self) -> None:
        """End all calls and ask no more; from any thread."""
        self._query.close()


def fetched_price(answer: PriceResult) -> StoredPrice | None:
    """What is written down of an answer; None where there is no price in it."""
    return None if answer.quote is None else StoredPrice.of(answer.quote)
