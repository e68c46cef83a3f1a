"""Programs that speak to `/ws/realtime/`, and what they hold and are told."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import DayFigures, Tick, Trade
from omcrm.portfolio import service
from tests.gateways.here import Served, Speaker
from tests.values import BINANCE

REALTIME = "/ws/realtime/"
SCOPES = ("market:read", "portfolio:read")


class Enveloped(Speaker):
    """A program that puts everything into an envelope."""

    def tell(self, kind: str, **data: Any) -> None:
        """Send a message."""
        self.say({"type": kind, "data": data, "timestamp": "2026-03-04T15:00:00.000Z"})

    def answer(self, kind: str, **data: Any) -> tuple[str, dict[str, Any]]:
        """The type and the data of the next message that is no push."""
        self.tell(kind, **data)
        while (heard := self.hear())["type"] in ("asset_update", "portfolio_update"):
            pass
        return heard["type"], heard["data"]

    def told(self, kind: str) -> dict[str, Any]:
        """The data of the next message of that type."""
        data: dict[str, Any] = self.hear_until(kind)["data"]
        return data

    def hear_all(self) -> list[dict[str, Any]]:
        """Whatever came, up to the answer to a ping of now."""
        self.heard.clear()
        self.tell("ping")
        self.hear_until("pong")
        return self.heard[:-1]


def program(here: Served, user_id: int, scopes: tuple[str, ...] = SCOPES) -> Enveloped:
    """A program of this user, after its greeting."""
    token = here.token(user_id, scopes)
    connected = Enveloped.open(here.port, REALTIME, f"x-api-key: {token}")
    connected.hear_until("connection")
    return connected


def hold(here: Served, user_id: int, name: str = "Growth", **quantities: str) -> int:
    """The number of a new portfolio that holds so much of each."""
    with here.app.app_context():
        made = service.create(user_id, name)
        for symbol, quantity in quantities.items():
            service.put_holding(user_id, made.id, symbol, quantity, "1")
        return made.id


def trades(here: Served, symbol: str, price: str, opened: str | None = None) -> Quote:
    """A live trade at Binance, through the gate and the cache to whoever listens."""
    now, cache = datetime.now(UTC), here.market.cache
    for quote in cache.set_condition("binance", HealthState.HEALTHY, 1):
        here.market.hub.publish(quote)
    day = None if opened is None else DayFigures(open=Decimal(opened))
    traded = Trade(Decimal(price), id=int(now.timestamp() * 1e6), time=now)
    quote = cache.apply(Tick(symbol, BINANCE, now, 1, trade=traded, day=day))
    assert quote is not None, here.market.validator
    here.market.hub.publish(quote)
    return quote


def error(answer: tuple[str, dict[str, Any]]) -> str:
    """What an answer says is wrong."""
    kind, data = answer
    assert "error" == kind
    return str(data["message"])
