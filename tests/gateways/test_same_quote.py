"""Whoever asks, in whichever dialect: the same moment has the same quote of a symbol."""

from collections.abc import Callable
from decimal import Decimal
from queue import Queue
from typing import Any

import requests
import socketio

from omcrm.gateways.finance_query import BOARD
from omcrm.market.quote import Quote
from tests.gateways.enveloped import SCOPES, Enveloped, trades
from tests.gateways.here import Served, Speaker
from tests.processes import PATIENCE, close_client


def pages(here: Served, session: str) -> dict[str, Any]:
    """What a page of the desk is told first of BTC."""
    told: Queue[dict[str, Any]] = Queue()
    client = socketio.Client(reconnection=False)
    client.on("price_update", told.put, namespace="/webtrader")
    cookie = {"Cookie": session.removeprefix("Cookie: ")}
    client.connect(here.base, headers=cookie, transports=["websocket"], namespaces=["/webtrader"])
    try:
        client.emit("subscribe_to_instruments", {"symbols": ["BTC"]}, "/webtrader")
        return told.get(timeout=PATIENCE)
    finally:
        close_client(client)


def told(here: Served, token: str, path: str, *messages: Any) -> Any:
    """A program's connection, after it has said this."""
    speaker = Enveloped if path == "/ws/realtime/" else Speaker
    opened = speaker.open(here.port, path, f"Authorization: Bearer {token}")
    opened.say(*messages)
    return opened


def hear_until(
    speaker: Speaker, quote: Callable[[Any], dict[str, Any]], seq: int
) -> dict[str, Any]:
    """The first quote with that number or a later one: what is told by the clock may be older."""
    while (said := quote(speaker.hear()))["seq"] < seq:
        pass
    return said


def everywhere(here: Served, user: int, token: str, seq: int) -> dict[str, dict[str, Any]]:
    """What each dialect, and the status, says of BTC now."""
    asset = {"type": "subscribe_asset", "data": {"symbol": "BTC"}}
    subscribe = {"action": "subscribe", "symbols": ["BTC"]}
    with (
        told(here, token, "/ws/market/feed", subscribe) as feed,
        told(here, token, "/ws/realtime/", asset) as realtime,
        told(here, token, "/quotes", "BTC,ETH") as quotes,
        told(here, token, "/profile/BTC") as profile,
    ):
        status = requests.get(
            f"{here.base}/webtrader/realtime_status",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        ).json(parse_float=Decimal)
        (state,) = [row for row in status["instruments"] if row["symbol"] == "BTC"]
        return {
            "desk": pages(here, here.session(user)),
            "market_feed": feed.hear_until("quote"),
            "realtime": realtime.told("asset_update"),
            "quotes": hear_until(quotes, lambda rows: rows[-2], seq),
            "profile": hear_until(profile, lambda told: told["quote"], seq),
            "status": state,
        }


def test_the_same_quote_is_told_everywhere(here: Served) -> None:
    """By its number, which is one for all, and so with its price."""
    here.app.extensions[BOARD].interval = 0.1
    user = here.create_user()
    token = here.token(user, SCOPES)
    for price in ("61837.63", "61837.64"):
        quote: Quote = trades(here, "BTC", price)
        said = everywhere(here, user, token, quote.seq)

        assert dict.fromkeys(said, quote.seq) == {name: item["seq"] for name, item in said.items()}
        assert dict.fromkeys(said, Decimal(price)) == {
            name: Decimal(str(item["price"])) for name, item in said.items()
        }
