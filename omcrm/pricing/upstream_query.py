"""Fetches prices and days on request, with the sources of this installation's settings."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from omcrm.feeds.history_query import HistoryQuery, HistoryResult, MissingDays
from omcrm.feeds.http_query import HttpQuery
from omcrm.feeds.price_query import PriceQuery, PriceResult
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.registry import histories, polls
from omcrm.feeds.usual_name import with_usual_names
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
    """One round of calls, from the budgets that all processes of this machine share.

    It ends after `seconds`, and waits `renewal_wait` seconds at most for a budget to renew.
    """

    def __init__(self, settings: Settings, seconds: float, renewal_wait: float = 0.0) -> None:
        self._feeds = settings.feeds
        self._batch = settings.realtime_batch_size
        call_counts = CallCounts(settings.feed_state_path)
        self._query = HttpQuery(call_counts, self._feeds.keys, utc_now, seconds, renewal_wait)
        self._histories = histories(self._feeds)

    def prices(
        self,
        instruments: Iterable[Instrument],
        consolidator: Consolidator | None = None,
        publish: Callable[[Quote], None] = lambda quote: None,
    ) -> Iterator[PriceResult]:
        """The present price of each, validated by `consolidator`, or by an empty one.

        `publish` is called with each quote that changes.
        """
        wanted = list(instruments)
        if consolidator is None:
            consolidator = Consolidator(utc_now, Validator())
            consolidator.follow(wanted)
        feeds = self._feeds
        query = PriceQuery(self._query, polls(feeds), consolidator, publish, feeds.replay_of)
        return query.answers(wanted, self._batch)

    def days(self, missing_days: Iterable[MissingDays]) -> Iterator[HistoryResult]:
        """The result of each; no call is made where no day is missing."""
        return HistoryQuery(self._query, self._histories).answers(missing_days)

    def real_histories(self, instrument: Instrument) -> bool:
        """Whether a real source can be asked for finished days of an instrument."""
        names = with_usual_names(instrument).provider_symbols
        return any(
            provider.source.is_real and provider.missing() is None
            for name, provider in self._histories.items()
            if name in names
        )

    def close(self) -> None:
        """End all calls and make no more; from any thread."""
        self._query.close()


def fetched_price(answer: PriceResult) -> StoredPrice | None:
    """The row for an answer; None where it has no price."""
    return None if answer.quote is None else StoredPrice.of(answer.quote)
