"""Clients of `/ws/realtime/` for tests, and portfolios and prices for them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import DayFigures, Tick, Trade
from omcrm.portfolio import service
from tests.gateways.here import JsonPeer, Served
from tests.values import BINANCE

REALTIME = "/ws/realtime/"
SCOPES = ("market:read", "portfolio:read")


class Enveloped(JsonPeer):
    """A client that sends and receives envelopes."""

    def send_message(self, kind: str, **data: Any) -> None:
        """Send a message."""
        self.send({"type": kind, "data": data, "timestamp": "2026-03-04T15:00:00.000Z"})

    def answer(self, kind: str, **data: Any) -> tuple[str, dict[str, Any]]:
        """Send a message; the type and the data of the next one that is no update."""
        self.send_message(kind, **data)
        while (received := self.receive())["type"] in ("asset_update", "portfolio_update"):
            pass
        return received["type"], received["data"]

    def receive_data(self, kind: str) -> dict[str, Any]:
        """The data of the next message of that type; skips others."""
        data: dict[str, Any] = self.receive_until(kind)["data"]
        return data

    def receive_all(self) -> list[dict[str, Any]]:
        """All messages up to the answer to a ping sent now."""
        self.received.clear()
        self.send_message("ping")
        self.receive_until("pong")
        return self.received[:-1]


def program(here: Served, user_id: int, scopes: tuple[str, ...] = SCOPES) -> Enveloped:
    """A connected client of this user, after its `connection` message."""
    token = here.token(user_id, scopes)
    connected = Enveloped.open(here.port, REALTIME, f"x-api-key: {token}")
    connected.receive_until("connection")
    return connected


def hold(here: Served, user_id: int, name: str = "Growth", **quantities: str) -> int:
    """The id of a new portfolio with these quantities."""
    with here.app.app_context():
        made = service.create(user_id, name)
        for symbol, quantity in quantities.items():
            service.put_holding(user_id, made.id, symbol, quantity, "1")
        return made.id


def trades(here: Served, symbol: str, price: str, opened: str | None = None) -> Quote:
    """A live trade at Binance: validated, cached and published."""
    now, consolidator, bus = datetime.now(UTC), here.manager.engine.consolidator, here.market.bus
    for quote in consolidator.set_health("binance", HealthState.HEALTHY, 1):
        bus.publish(quote)
    day = None if opened is None else DayFigures(open=Decimal(opened))
    traded = Trade(Decimal(price), id=int(now.timestamp() * 1e6), time=now)
    quote = consolidator.apply(Tick(symbol, BINANCE, now, 1, trade=traded, day=day))
    assert quote is not None, here.manager.engine.validator
    bus.publish(quote)
    return quote


def error(answer: tuple[str, dict[str, Any]]) -> str:
    """The message of an error answer."""
    kind, data = answer
    assert "error" == kind
    return str(data["message"])
