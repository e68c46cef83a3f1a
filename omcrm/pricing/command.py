"""Updates prices and daily closes from the command line."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from flask_migrate import upgrade

from omcrm.market.instrument import Instrument, canonical_symbols
from omcrm.number_option import Whole
from omcrm.pricing.backfill import BackfillResult, backfill
from omcrm.pricing.upstream_query import UpstreamQuery, fetched_price, utc_now
from omcrm.settings import Settings, load
from omcrm.storage.asset_price import StoredPrice, latest_prices, write_prices
from omcrm.storage.daily_bar import add_candles
from omcrm.storage.instrument import active_instruments
from omcrm.storage.transaction import transaction

_DAYS = 30
# A round may wait for several renewals of a minute's budget, each time for the next one only.
_SECONDS, _RENEWAL_WAIT = 1800.0, 65.0
_UNKNOWN = "–"


@click.command("update_asset_prices")
@click.option(
    "--symbols", "symbols", multiple=True, metavar="SYMBOL...", help="Only these, e.g. AAPL MSFT."
)
@click.argument("more_symbols", nargs=-1, metavar="")
@click.option("--historical", is_flag=True, help="Fill the daily closes that are missing.")
@click.option(
    "--days",
    type=Whole(1, 365),
    help=f"With --historical: how many calendar days back. [default: {_DAYS}]",
)
@click.option("--dry-run", is_flag=True, help="Fetch and print, and write nothing.")
def update_asset_prices(
    symbols: tuple[str, ...],
    more_symbols: tuple[str, ...],
    historical: bool,
    days: int | None,
    dry_run: bool,
) -> None:
    """Ask the sources over HTTP for prices now, and write them to the database."""
    if more_symbols and not symbols:
        raise click.UsageError(f"a symbol is given with --symbols: {more_symbols[0]}")
    if days is not None and not historical:
        raise click.UsageError("--days goes with --historical")
    settings = load()
    with _app(settings):
        instruments = _chosen([*symbols, *more_symbols])
        query = UpstreamQuery(settings, _SECONDS, _RENEWAL_WAIT)
        try:
            if historical:
                failed = _backfill(query, instruments, days or _DAYS, dry_run)
            else:
                failed = _update(query, instruments, dry_run)
        except KeyboardInterrupt:
            raise click.Abort from None
        finally:
            query.close()
    for symbol, reason in failed.items():
        click.echo(f"{symbol} failed: {reason}", err=True)
    sys.exit(1 if failed else 0)


@contextmanager
def _app(settings: Settings) -> Iterator[None]:
    from omcrm import create_app

    with create_app(settings).app_context():
        # A new installation has no tables yet.
        upgrade()
        yield


def _chosen(symbols: list[str]) -> list[Instrument]:
    """The instruments of these symbols, or all of them."""
    known = {instrument.symbol: instrument for instrument in active_instruments()}
    wanted = canonical_symbols(symbols) or list(known)
    unknown = [symbol for symbol in wanted if symbol not in known]
    if unknown:
        names = ", ".join(unknown)
        raise click.UsageError(f"unknown symbols: {names}. There are {', '.join(known)}.")
    return [known[symbol] for symbol in wanted]


# Present prices


def _update(query: UpstreamQuery, instruments: list[Instrument], dry_run: bool) -> dict[str, str]:
    """Fetch and write present prices; returns the reason for each symbol that failed."""
    before, prices, failed = latest_prices(), {}, {}
    with _bar(len(instruments), "Asking for prices") as bar:
        for answer in query.prices(instruments):
            price = fetched_price(answer)
            if price is None:
                failed[answer.symbol] = "; ".join(answer.problems)
            else:
                prices[answer.symbol] = price
            bar.update(1)
    if not dry_run:
        with transaction():
            write_prices(prices.values(), utc_now())
    fetched = [instrument.symbol for instrument in instruments if instrument.symbol in prices]
    rows = [_price_row(before.get(symbol), prices[symbol]) for symbol in fetched]
    _table(("symbol", "old", "new", "class", "source", "time"), rows)
    _sum_up(len(prices), "price", "prices", dry_run)
    return failed


def _price_row(before: StoredPrice | None, price: StoredPrice) -> tuple[str, ...]:
    return (
        price.symbol,
        _plain(before.price if before else None),
        _plain(price.price),
        price.price_class.value,
        price.source,
        _moment(price.provider_time or price.received_at),
    )


# Finished days


def _backfill(
    query: UpstreamQuery, instruments: list[Instrument], days: int, dry_run: bool
) -> dict[str, str]:
    """Fetch and write missing days; returns the reason for each symbol that failed."""
    rows, failed, limited, added = [], {}, {}, 0
    with _bar(len(instruments), f"Asking for {days} days") as bar:
        for backfilled in backfill(query, instruments, days, utc_now()):
            if dry_run:
                added += len(backfilled.result.candles)
            else:
                # Each symbol is committed at once: the next one may fail.
                with transaction():
                    added += add_candles(backfilled.result.candles, utc_now())
            if backfilled.has_failed:
                failed[backfilled.result.symbol] = _failure(backfilled)
            elif backfilled.result.limits:
                limited[backfilled.result.symbol] = "; ".join(backfilled.result.limits)
            rows.append(_day_row(backfilled))
            bar.update(1)
    _table(("symbol", "days", "known", "new", "from", "to", "missing", "class", "source"), rows)
    _sum_up(added, "day", "days", dry_run)
    for symbol, limit in limited.items():
        click.echo(f"{symbol}: {limit}", err=True)
    return failed


def _day_row(backfilled: BackfillResult) -> tuple[str, ...]:
    result = backfilled.result
    known = backfilled.expected - len(result.candles) - len(result.missing)
    return (
        result.symbol,
        str(backfilled.expected),
        str(known),
        str(len(result.candles)),
        str(result.candles[0].day) if result.candles else _UNKNOWN,
        str(result.candles[-1].day) if result.candles else _UNKNOWN,
        str(len(result.missing)),
        _names(candle.price_class.value for candle in result.candles),
        _names(candle.source for candle in result.candles),
    )


def _failure(backfilled: BackfillResult) -> str:
    count = len(backfilled.result.missing)
    days = "1 day is" if count == 1 else f"{count} days are"
    return f"{days} missing: {'; '.join(backfilled.result.problems)}"


# Output


def _bar(length: int, label: str) -> AbstractContextManager[Any]:
    # Only the table goes to stdout.
    return click.progressbar(length=length, label=label, file=sys.stderr)


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _sum_up(count: int, one: str, many: str, dry_run: bool) -> None:
    what = f"{count} {one if count == 1 else many}"
    click.echo(f"{what} fetched, nothing written." if dry_run else f"{what} written.")


def _plain(price: Decimal | None) -> str:
    return _UNKNOWN if price is None else format(price, "f")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _names(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values)) or _UNKNOWN
