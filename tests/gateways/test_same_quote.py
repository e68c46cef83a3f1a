"""All dialects send the same quote of a symbol at the same moment."""

from collections.abc import Callable
from decimal import Decimal
from queue import Queue
from typing import Any

import requests
import socketio

from omcrm.market.quote import Quote
from omcrm.services import services_of
from tests.gateways.enveloped import SCOPES, Enveloped, trades
from tests.gateways.here import JsonPeer, Served
from tests.processes import PATIENCE, close_client


def on_a_page(here: Served, session: str) -> dict[str, Any]:
    """The first update of BTC on a page of the web trader."""
    updates: Queue[dict[str, Any]] = Queue()
    client = socketio.Client(reconnection=False)
    client.on("price_update", updates.put, namespace="/webtrader")
    cookie = {"Cookie": session.removeprefix("Cookie: ")}
    client.connect(
        here.base,
        headers=cookie,
        transports=["websocket"],
        namespaces=["/webtrader"],
        wait_timeout=PATIENCE,
    )
    try:
        client.emit("subscribe_to_instruments", {"symbols": ["BTC"]}, "/webtrader")
        return updates.get(timeout=PATIENCE)
    finally:
        close_client(client)


def connect(here: Served, token: str, path: str, *messages: Any) -> Any:
    """A connected client that has sent these messages."""
    peer = Enveloped if path == "/ws/realtime/" else JsonPeer
    opened = peer.open(here.port, path, f"Authorization: Bearer {token}")
    opened.send(*messages)
    return opened


def receive_until(
    peer: JsonPeer, quote: Callable[[Any], dict[str, Any]], seq: int
) -> dict[str, Any]:
    """The first quote with that number or a later one: interval messages may be older."""
    while (row := quote(peer.receive()))["seq"] < seq:
        pass
    return row


def everywhere(here: Served, user: int, token: str, seq: int) -> dict[str, dict[str, Any]]:
    """The current quote of BTC in each dialect, on a page and in the status."""
    asset = {"type": "subscribe_asset", "data": {"symbol": "BTC"}}
    subscribe = {"action": "subscribe", "symbols": ["BTC"]}
    with (
        connect(here, token, "/ws/market/feed", subscribe) as feed,
        connect(here, token, "/ws/realtime/", asset) as realtime,
        connect(here, token, "/quotes", "BTC,ETH") as quotes,
        connect(here, token, "/profile/BTC") as profile,
    ):
        status = requests.get(
            f"{here.base}/webtrader/realtime_status",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        ).json(parse_float=Decimal)
        (state,) = [row for row in status["instruments"] if row["symbol"] == "BTC"]
        return {
            "page": on_a_page(here, here.session(user)),
            "market_feed": feed.receive_until("quote"),
            "realtime": realtime.receive_data("asset_update"),
            "quotes": receive_until(quotes, lambda rows: rows[-2], seq),
            "profile": receive_until(profile, lambda message: message["quote"], seq),
            "status": state,
        }


def test_the_same_quote_is_sent_everywhere(here: Served) -> None:
    """With the same number and the same price."""
    services_of(here.app).publisher.interval = 0.1
    user = here.create_user()
    token = here.token(user, SCOPES)
    for price in ("61837.63", "61837.64"):
        quote: Quote = trades(here, "BTC", price)
        quotes = everywhere(here, user, token, quote.seq)

        assert dict.fromkeys(quotes, quote.seq) == {
            name: item["seq"] for name, item in quotes.items()
        }
        assert dict.fromkeys(quotes, Decimal(price)) == {
            name: Decimal(str(item["price"])) for name, item in quotes.items()
        }
