"""Kraken over WebSocket v2: the `trade` and `ticker` channels, kept alive by heartbeats.

https://docs.kraken.com/api/docs/websocket-v2/ticker
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from omcrm.feeds.parsing import (
    BAD_FRAME,
    decode,
    from_iso,
    integer,
    mapping,
    sequence,
    text,
    unreadable,
)
from omcrm.feeds.provider import (
    Acknowledged,
    Event,
    FrameContext,
    Keyless,
    RequestRejected,
    StreamLimits,
    batches,
)
from omcrm.market.number import exact
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

SOURCE = Source("kraken", PriceClass.LIVE)

# Trades come first, so that a quote begins with a real one. Without `bbo` a ticker is told only
# when somebody trades, and a quiet pair would look dead.
_TRADE: Mapping[str, object] = {"channel": "trade"}
_TICKER: Mapping[str, object] = {"channel": "ticker", "event_trigger": "bbo"}
_PAIRS_A_FRAME = 100


class Kraken(Keyless):
    """Keyless; names are pairs like BTC/USD."""

    source = SOURCE
    # Kraken publishes neither number: these are cautious.
    limits = StreamLimits(symbols=500, frame_spacing=0.2)

    def __init__(self, ws_url: str) -> None:
        self._url = ws_url

    def url(self) -> str:
        return self._url

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        wishes = [{**wish, "snapshot": True} for wish in (_TRADE, _TICKER)]
        return _commands("subscribe", wishes, names, request)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return _commands("unsubscribe", [_TRADE, _TICKER], names, request)

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "method" in message or "error" in message:
            return _answer(message)
        match text(message["channel"]):
            case "trade":
                return self._trades(message, arrival)
            case "ticker":
                return self._tickers(message, arrival)
        # Heartbeats and the exchange's status say nothing about a price, and new channels may
        # appear.
        return []

    def _trades(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        # Nothing is promised about the order, and what is older than its forerunner is refused.
        said = sorted(_followed(message, arrival), key=lambda trade: integer(trade["trade_id"]))
        if message.get("type") == "snapshot":
            # The last fifty: all but the newest of a pair is the past.
            said = list({trade["symbol"]: trade for trade in said}.values())
        return [self._tick(trade, arrival, trade=_trade(trade)) for trade in said]

    def _tickers(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        # `last` makes no trade. It has no id and no time of its own, so it could not be told from
        # an older one, would take both from the real trade it stands beside, and on every change
        # of the book would make an old price look new. Before the first trade it is not needed:
        # the snapshot of the trades is asked for first, and holds one however quiet the pair is,
        # where `last` is promised for a day only. It is good for one thing, the price of a day
        # ago.
        ticks = [
            self._tick(ticker, arrival, book=_book(ticker), day=_day(ticker))
            for ticker in _followed(message, arrival)
        ]
        return [tick for tick in ticks if tick.book or tick.day]

    def _tick(
        self,
        said: dict[str, Any],
        arrival: FrameContext,
        trade: Trade | None = None,
        book: TopOfBook | None = None,
        day: DayFigures | None = None,
    ) -> Tick:
        symbol = arrival.names[said["symbol"]]
        return Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
            book=book,
            day=day,
        )


def _commands(
    method: str, wishes: Sequence[Mapping[str, object]], names: Iterable[str], request: int
) -> list[str]:
    commands = [
        {"method": method, "params": {**wish, "symbol": batch}}
        for batch in batches(list(names), _PAIRS_A_FRAME)
        for wish in wishes
    ]
    return [
        msgspec.json.encode({**command, "req_id": number}).decode()
        for number, command in enumerate(commands, request)
    ]


def _answer(message: dict[str, Any]) -> list[Event]:
    """The answer to a command, which comes once for every pair that it named."""
    if "error" in message or message.get("success") is False:
        return [RequestRejected(0, text(message.get("error", ""))[:200])]
    if text(message["method"]) == "pong":
        return []
    if message["success"] is not True:
        raise ValueError("neither a success nor a failure")
    number = message.get("req_id")
    return [Acknowledged(None if number is None else integer(number))]


def _followed(message: dict[str, Any], arrival: FrameContext) -> list[dict[str, Any]]:
    said = [mapping(entry) for entry in sequence(message["data"])]
    return [entry for entry in said if text(entry["symbol"]) in arrival.names]


def _trade(said: dict[str, Any]) -> Trade:
    return Trade(
        exact(said["price"]),
        exact(said["qty"]),
        integer(said["trade_id"]),
        from_iso(said["timestamp"]),
    )


def _book(said: dict[str, Any]) -> TopOfBook | None:
    # Without a number: a ticker has none.
    bid, ask = _price(said, "bid"), _price(said, "ask")
    if bid is None or ask is None:
        return None
    return TopOfBook(bid, ask, _number(said, "bid_qty"), _number(said, "ask_qty"))


def _day(said: dict[str, Any]) -> DayFigures | None:
    figures = (
        _open(said),
        _price(said, "high"),
        _price(said, "low"),
        _number(said, "volume"),
        _number(said, "change_pct"),
    )
    if all(figure is None for figure in figures):
        return None
    # The channel did not always tell when it was.
    time = said.get("timestamp")
    return DayFigures(*figures, None if time is None else from_iso(time))


def _open(said: dict[str, Any]) -> Decimal | None:
    last, change = _price(said, "last"), _number(said, "change")
    if last is None or change is None or last <= change:
        return None
    return last - change


def _number(said: dict[str, Any], name: str) -> Decimal | None:
    value = said.get(name)
    return None if value is None else exact(value)


def _price(said: dict[str, Any], name: str) -> Decimal | None:
    # Where nobody traded or quoted there is a zero, which is no price.
    return _number(said, name) or None
