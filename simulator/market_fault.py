"""Faults of the market data itself: silence, delay, wrong times, prices and order."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from simulator import event
from simulator.distortion import Distortion
from simulator.fixed import ONE
from simulator.interval import DAY
from simulator.listing import Listing
from simulator.provider_server import ProviderServer
from simulator.providers.spelling import is_stock
from simulator.simulated_trade import CANCEL, CORRECT, SimulatedTrade, Top
from simulator.stream_message import StreamMessage


class Mute(Struct, forbid_unknown_fields=True):
    """The symbols to mute; all without a list."""

    symbols: list[str] | None = None


class Delay(Struct, forbid_unknown_fields=True):
    """How long messages are held."""

    seconds: Annotated[float, Meta(gt=0, le=3600)]


class OldAnswers(Struct, forbid_unknown_fields=True):
    """How old HTTP answers are."""

    days: Annotated[float, Meta(gt=0, le=3650)]


class SkewedClock(Struct, forbid_unknown_fields=True):
    """By how many seconds the provider's clock is ahead, behind where negative."""

    seconds: Annotated[float, Meta(ge=-86_400, le=86_400)]


class SteppedClock(Struct, forbid_unknown_fields=True):
    """How far the provider's clock is ahead and behind by turns, and for how long each."""

    seconds: Annotated[float, Meta(gt=0, le=3600)]
    every: Annotated[float, Meta(ge=1, le=3600)] = 10.0


class DeadChannel(Struct, forbid_unknown_fields=True):
    """The channel that stops."""

    channel: Literal["trades", "books"]


class WrongPrices(Struct, forbid_unknown_fields=True):
    """What all prices are multiplied by, and how much that grows every second."""

    factor: Annotated[float, Meta(gt=0, le=1_000_000)] = 1.0
    a_second: Annotated[float, Meta(ge=-0.1, le=0.1)] = 0.0


class NoMarketOptions(Struct, forbid_unknown_fields=True):
    """A fault without options."""


class WrongTime(Struct, forbid_unknown_fields=True):
    """A symbol, and by how many seconds its trade is ahead of the market, behind where negative."""

    symbol: str
    seconds: Annotated[float, Meta(ge=-86_400, le=86_400)]


class OneSymbol(Struct, forbid_unknown_fields=True):
    """The symbol of a fault."""

    symbol: str


class SomeSymbol(Struct, forbid_unknown_fields=True):
    """The symbol of a fault; without it, every symbol that has traded."""

    symbol: str | None = None


class Spike(Struct, forbid_unknown_fields=True):
    """How far from the last price, and how many trades."""

    symbol: str
    factor: Annotated[float, Meta(gt=0, le=1_000_000)]
    count: Annotated[int, Meta(ge=1, le=1000)] = 1


class BadConditions(Struct, forbid_unknown_fields=True):
    """A share, and how far from its last price the trades are."""

    symbol: str
    factor: Annotated[float, Meta(gt=0, le=1_000_000)] = 0.93


def mute(server: ProviderServer, options: Mute) -> dict[str, Any]:
    """Stop the data of streams while pings go on."""
    subscriptions = server.subscriptions
    if options.symbols is None:
        subscriptions.mute_all = True
    else:
        symbols = [_listing(server, name).symbol for name in options.symbols]
        subscriptions.muted = subscriptions.muted.union(symbols)
    return {}


def delay(server: ProviderServer, options: Delay) -> dict[str, Any]:
    """Hold messages back."""
    server.subscriptions.delay = options.seconds
    return {}


def old_answers(server: ProviderServer, options: OldAnswers) -> dict[str, Any]:
    """Date the prices in HTTP answers back; the prices are those of now."""
    server.faults.answer_age = round(options.days * DAY)
    return {}


def skewed_clock(server: ProviderServer, options: SkewedClock) -> dict[str, Any]:
    """Put wrong times into all messages but those of a recording."""
    server.faults.ahead, server.faults.changes_every = options.seconds, 0.0
    return {}


def stepped_clock(server: ProviderServer, options: SteppedClock) -> dict[str, Any]:
    """Set the clock again and again."""
    server.faults.ahead, server.faults.changes_every = options.seconds, options.every
    return {}


def dead_channel(server: ProviderServer, options: DeadChannel) -> dict[str, Any]:
    """Stop one channel of the streams, while the others go on."""
    server.faults.dead_channels |= {options.channel}
    return {}


def frozen_prices(server: ProviderServer, options: NoMarketOptions) -> dict[str, Any]:
    """Repeat the last price, bid and ask of every symbol, with new ids and times."""
    return _distort(server, is_frozen=True)


def wrong_prices(server: ProviderServer, options: WrongPrices) -> dict[str, Any]:
    """Show all prices off by a factor, and more and more so."""
    return _distort(server, factor=options.factor, a_second=options.a_second)


def _distort(server: ProviderServer, **how: Any) -> dict[str, Any]:
    distortion = Distortion(server.source.market.listings, server.source.now, **how)
    server.faults.distortion, server.subscriptions.distort = distortion, distortion.message
    return {}


def wrong_time(server: ProviderServer, options: WrongTime) -> dict[str, Any]:
    """Send one trade more, at the last price, whose time is wrong."""
    listing = _listing(server, options.symbol)
    time = _now(server) + round(options.seconds * 1000)
    id_ = server.source.market.take_trade_id(listing)
    _send_trade(server, listing, replace(_last(listing), id=id_, time=time))
    return {"trades": 1}


def spike(server: ProviderServer, options: Spike) -> dict[str, Any]:
    """Send trades far from the last price; they do not enter the market's own figures."""
    listing = _listing(server, options.symbol)
    last = _last(listing)
    price = max(1, round(last.price * options.factor / listing.tick)) * listing.tick
    for _ in range(options.count):
        id_ = server.source.market.take_trade_id(listing)
        _send_trade(server, listing, replace(last, id=id_, price=price, time=_now(server)))
    return {"trades": options.count}


def bad_conditions(server: ProviderServer, options: BadConditions) -> dict[str, Any]:
    """Send a trade far from the last price for each condition that forbids it to be one.

    A provider that takes trades back sends two more, half as far away, and takes them back.
    """
    listing = _listing(server, options.symbol)
    if not server.protocol.conditions or not is_stock(listing):
        raise LookupError(f"{server.name} writes no conditions of {listing.symbol}")
    last = replace(_last(listing), quantity=100 * ONE, time=_now(server))
    far = max(1, round(last.price * options.factor / listing.tick)) * listing.tick
    wrong = (last.price + far) // 2 // listing.tick * listing.tick
    for condition in server.protocol.conditions:
        trade = replace(last, id=server.source.market.take_trade_id(listing), condition=condition)
        if condition in (CANCEL, CORRECT):
            _send_trade(server, listing, replace(trade, price=wrong, condition=""))
            _send_trade(server, listing, replace(trade, wrong_price=wrong))
            # A corrected trade has the next id.
            server.source.market.take_trade_id(listing)
        else:
            _send_trade(server, listing, replace(trade, price=far))
    return {"trades": len(server.protocol.conditions)}


def crossed(server: ProviderServer, options: OneSymbol) -> dict[str, Any]:
    """Send a best bid above the best ask."""
    listing = _listing(server, options.symbol)
    top = listing.top
    if top is None:
        raise LookupError(f"{listing.symbol} has no bid and ask yet")
    update_id = server.source.market.take_update_id(listing)
    wrong = Top(update_id, top.ask + 10 * listing.tick, top.ask_quantity, top.bid, top.bid_quantity)
    payload = event.book_ticker(listing.symbol, wrong)
    server.subscriptions.publish(StreamMessage(f"{listing.stream}@bookTicker", payload))
    return {}


def duplicate(server: ProviderServer, options: SomeSymbol) -> dict[str, Any]:
    """Send the last trade again."""
    listings = _traded(server, options.symbol)
    for listing in listings:
        _send_trade(server, listing, _last(listing))
    return {"trades": len(listings)}


def out_of_order(server: ProviderServer, options: SomeSymbol) -> dict[str, Any]:
    """Send the oldest trade held, after newer ones."""
    listings = [item for item in _traded(server, options.symbol) if len(item.trades) > 1]
    for listing in listings:
        _send_trade(server, listing, listing.trades[0])
    return {"trades": len(listings)}


def clear(server: ProviderServer) -> None:
    """Let every message pass."""
    subscriptions = server.subscriptions
    subscriptions.mute_all, subscriptions.muted = False, frozenset()
    subscriptions.delay = 0.0
    subscriptions.distort = None
    subscriptions.release_held()


def _send_trade(server: ProviderServer, listing: Listing, trade: SimulatedTrade) -> None:
    payload = event.trade(listing.symbol, trade, max(trade.time, _now(server)))
    server.subscriptions.publish(StreamMessage(f"{listing.stream}@trade", payload))


def _now(server: ProviderServer) -> int:
    return server.source.now()


def _listing(server: ProviderServer, symbol: str) -> Listing:
    listing = server.source.market.listings.get(symbol.upper())
    if listing is None:
        raise LookupError(f"no such symbol: {symbol}")
    return listing


def _last(listing: Listing) -> SimulatedTrade:
    if listing.last is None:
        raise LookupError(f"{listing.symbol} has not traded yet")
    return listing.last


def _traded(server: ProviderServer, symbol: str | None) -> list[Listing]:
    if symbol is None:
        return [listing for listing in server.source.market.listings.values() if listing.last]
    return [_listing(server, symbol)]
