"""The exchange's own endpoint: what it is doing, and which faults it plays."""

from typing import Any

import msgspec

from omcrm.exchange.exchange import Exchange
from omcrm.exchange.fault import FAULTS, FaultError, clear, switch_on
from omcrm.exchange.fixed import render
from omcrm.exchange.http import Answer, Request, json_answer
from omcrm.exchange.market import Market
from omcrm.exchange.venues import BINANCE

# A fault of this venue is played at all of them.
EVERYWHERE = "*"


def answer(market: Market, request: Request) -> Answer:
    """Answer a call to `/control`."""
    # A page in somebody's browser reaches loopback too, and always says where it comes from.
    if "origin" in request.headers:
        return json_answer({"error": "not for browsers"}, 403)
    match (request.method, request.path):
        case ("GET", "/control" | "/control/faults"):
            return json_answer(status(market))
        case ("GET", "/control/prices"):
            return json_answer(prices(market))
        case ("GET", "/control/calls"):
            return json_answer({name: list(item.calls) for name, item in market.venues.items()})
        case ("POST", "/control/faults"):
            return _post(market, request.body)
        case ("DELETE", "/control/faults"):
            return _delete(market, dict(request.parameters).get("venue", EVERYWHERE))
        case (_, "/control" | "/control/calls" | "/control/faults" | "/control/prices"):
            return json_answer({"error": "method not allowed"}, 405)
    return json_answer({"error": "not found"}, 404)


def status(market: Market) -> dict[str, Any]:
    """Give the state of the exchange: market, connections, faults; Binance's at the top."""
    return {
        **market.source.status(),
        **_venue_status(market.binance),
        "known_faults": sorted(FAULTS),
        "venues": {name: _venue_status(venue) for name, venue in market.venues.items()},
    }


def prices(market: Market) -> dict[str, str]:
    """Give the last price of each symbol as the market has it, whatever faults tell."""
    listings = market.source.listings.values()
    return {listing.symbol: render(listing.last.price) for listing in listings if listing.last}


def _venue_status(exchange: Exchange) -> dict[str, Any]:
    sessions = list(exchange.sessions.values())
    return {
        "connections": [session.status() for session in sessions],
        "connections_accepted": exchange.accepted,
        "handshakes_refused": exchange.refused,
        "handshakes_unanswered": len(exchange.unanswered),
        "pongs": sum(session.heartbeat.pongs for session in sessions),
        "http_answers": exchange.answered,
        "faults": exchange.faults.active,
    }


def _post(market: Market, body: bytes) -> Answer:
    try:
        wanted = msgspec.json.decode(body, type=dict[str, Any])
        done = [switch_on(venue, wanted) for venue in _venues(market, wanted.pop("venue", BINANCE))]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return json_answer({"error": f"the body must be a JSON object: {error}"}, 400)
    except FaultError as error:
        return json_answer({"error": str(error), "known_faults": sorted(FAULTS)}, 400)
    return json_answer(done[0])


def _delete(market: Market, name: str) -> Answer:
    try:
        venues = _venues(market, name)
    except FaultError as error:
        return json_answer({"error": str(error)}, 400)
    for venue in venues:
        clear(venue)
    return json_answer({"faults": {}})


def _venues(market: Market, name: Any) -> list[Exchange]:
    if name == EVERYWHERE:
        return list(market.venues.values())
    venue = market.venues.get(name) if isinstance(name, str) else None
    if venue is None:
        raise FaultError(f"unknown venue: {name!r}; there are {', '.join(market.venues)}")
    return [venue]
