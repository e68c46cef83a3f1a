"""Writes the published quotes that have changed to the database."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.storage.asset_price import StoredPrice, write_prices
from omcrm.storage.transaction import transaction

_log = logging.getLogger(__name__)


class PriceWriter:
    """Remembers what it has written; `batch` prices go into one transaction. One thread writes."""

    def __init__(
        self,
        app: Flask,
        batch: int,
        written: Mapping[str, StoredPrice],
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._batch = batch
        self._fence = fence
        self._written = dict(written)

    def write(self, quotes: Iterable[Quote], now: datetime) -> int:
        """Write the quotes that have changed; returns how many. Raises LeaseLost where another
        process is the engine by now.

        After an error of the database they are tried again in the next round. A last-resort price
        comes from no source and is not written.
        """
        prices = [
            price
            for quote in quotes
            if quote.price_class is not PriceClass.LAST_RESORT
            and not _is_alike(price := StoredPrice.of(quote), self._written.get(price.symbol))
        ]
        count = 0
        with self._app.app_context():
            for start in range(0, len(prices), self._batch):
                batch = prices[start : start + self._batch]
                try:
                    with transaction():
                        self._fence()
                        write_prices(batch, now)
                except SQLAlchemyError as error:
                    _log.warning("prices not written, tried again: %s", type(error).__name__)
                    break
                self._written.update({price.symbol: price for price in batch})
                count += len(batch)
        return count


def _is_alike(price: StoredPrice, written: StoredPrice | None) -> bool:
    """Whether the two differ only in the time of receipt."""
    return written is not None and (
        (price.price, price.price_class, price.source, price.provider_time)
        == (written.price, written.price_class, written.source, written.provider_time)
    )
