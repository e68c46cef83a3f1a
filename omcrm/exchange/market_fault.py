"""Faults of the market data itself: silence, delay, delisting, wrong prices, wrong order."""

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from omcrm.exchange import event
from omcrm.exchange.exchange import Exchange
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.trade import Top, Trade


class Mute(Struct, forbid_unknown_fields=True):
    """Which symbols fall silent; all without a list."""

    symbols: list[str] | None = None


class Delay(Struct, forbid_unknown_fields=True):
    """How long messages are held."""

    seconds: Annotated[float, Meta(gt=0, le=3600)]


class OneSymbol(Struct, forbid_unknown_fields=True):
    """The symbol a fault is about."""

    symbol: str


class SomeSymbol(Struct, forbid_unknown_fields=True):
    """The symbol a fault is about; every one that has traded, without it."""

    symbol: str | None = None


class Spike(Struct, forbid_unknown_fields=True):
    """How far from the last price, and how many trades."""

    symbol: str
    factor: Annotated[float, Meta(gt=0, le=1_000_000)]
    count: Annotated[int, Meta(ge=1, le=1000)] = 1


def mute(exchange: Exchange, options: Mute) -> dict[str, Any]:
    """Let streams fall silent while pings go on."""
    board = exchange.switchboard
    if options.symbols is None:
        board.mute_all = True
    else:
        symbols = [_listing(exchange, name).symbol for name in options.symbols]
        board.muted = board.muted.union(symbols)
    return {}


def delay(exchange: Exchange, options: Delay) -> dict[str, Any]:
    """Hold messages."""
    exchange.switchboard.delay = options.seconds
    return {}


def delist(exchange: Exchange, options: OneSymbol) -> dict[str, Any]:
    """Stop a symbol: status BREAK, streams acknowledged but silent."""
    listing = _listing(exchange, options.symbol)
    if exchange.name == "binance":
        # There it is the symbol's own end; elsewhere only this venue ceases to tell of it.
        listing.status = "BREAK"
    exchange.switchboard.delisted = exchange.switchboard.delisted | {listing.symbol}
    return {}


def spike(exchange: Exchange, options: Spike) -> dict[str, Any]:
    """Send trades far from the last price; they are not part of the market's own record."""
    listing = _listing(exchange, options.symbol)
    last = _last(listing)
    price = max(1, round(last.price * options.factor / listing.tick)) * listing.tick
    for _ in range(options.count):
        id_ = exchange.source.take_trade_id(listing)
        _send_trade(exchange, listing, replace(last, id=id_, price=price, time=_now(exchange)))
    return {"trades": options.count}


def crossed(exchange: Exchange, options: OneSymbol) -> dict[str, Any]:
    """Send a best bid above the best ask."""
    listing = _listing(exchange, options.symbol)
    top = listing.top
    if top is None:
        raise LookupError(f"{listing.symbol} has no bid and ask yet")
    update_id = exchange.source.take_update_id(listing)
    wrong = Top(update_id, top.ask + 10 * listing.tick, top.ask_quantity, top.bid, top.bid_quantity)
    payload = event.book_ticker(listing.symbol, wrong)
    exchange.switchboard.publish(Message(f"{listing.stream}@bookTicker", payload))
    return {}


def duplicate(exchange: Exchange, options: SomeSymbol) -> dict[str, Any]:
    """Send the last trade again."""
    listings = _traded(exchange, options.symbol)
    for listing in listings:
        _send_trade(exchange, listing, _last(listing))
    return {"trades": len(listings)}


def out_of_order(exchange: Exchange, options: SomeSymbol) -> dict[str, Any]:
    """Send the oldest trade remembered, after newer ones."""
    listings = [item for item in _traded(exchange, options.symbol) if len(item.trades) > 1]
    for listing in listings:
        _send_trade(exchange, listing, listing.trades[0])
    return {"trades": len(listings)}


def clear(exchange: Exchange) -> None:
    """Let every symbol trade and every message pass."""
    board = exchange.switchboard
    for symbol in board.delisted:
        exchange.source.listings[symbol].status = "TRADING"
    board.mute_all, board.muted, board.delisted = False, frozenset(), frozenset()
    board.delay = 0.0
    board.release_held()


def _send_trade(exchange: Exchange, listing: Listing, trade: Trade) -> None:
    payload = event.trade(listing.symbol, trade, max(trade.time, _now(exchange)))
    exchange.switchboard.publish(Message(f"{listing.stream}@trade", payload))


def _now(exchange: Exchange) -> int:
    return exchange.source.now()


def _listing(exchange: Exchange, symbol: str) -> Listing:
    listing = exchange.source.listings.get(symbol.upper())
    if listing is None:
        raise LookupError(f"no such symbol: {symbol}")
    return listing


def _last(listing: Listing) -> Trade:
    if listing.last is None:
        raise LookupError(f"{listing.symbol} has not traded yet")
    return listing.last


def _traded(exchange: Exchange, symbol: str | None) -> list[Listing]:
    if symbol is None:
        return [listing for listing in exchange.source.listings.values() if listing.last]
    return [_listing(exchange, symbol)]
