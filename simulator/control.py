"""The exchange's own endpoint: its state and its faults."""

from typing import Any

import msgspec

from simulator.fault import FAULTS, FaultError, clear, start_fault
from simulator.fixed import render
from simulator.http import HttpAnswer, HttpRequest, json_answer
from simulator.listing import Listing
from simulator.provider_server import ProviderServer
from simulator.providers import BINANCE
from simulator.simulator import Simulator

# With this name a fault is played at all providers.
EVERYWHERE = "*"


def answer(simulator: Simulator, request: HttpRequest) -> HttpAnswer:
    """Answer a call to `/control`."""
    # A page in somebody's browser reaches loopback too, and always sends its origin.
    if "origin" in request.headers:
        return json_answer({"error": "not for browsers"}, 403)
    match (request.method, request.path):
        case ("GET", "/control" | "/control/faults"):
            return json_answer(status(simulator))
        case ("GET", "/control/prices"):
            return json_answer(prices(simulator))
        case ("GET", "/control/ranges"):
            return _ranges(simulator, dict(request.parameters).get("since", "0"))
        case ("GET", "/control/calls"):
            return json_answer({name: list(item.calls) for name, item in simulator.servers.items()})
        case ("POST", "/control/faults"):
            return _post(simulator, request.body)
        case ("DELETE", "/control/faults"):
            return _delete(simulator, dict(request.parameters).get("venue", EVERYWHERE))
        case (_, "/control" | "/control/calls" | "/control/faults"):
            return json_answer({"error": "method not allowed"}, 405)
        case (_, "/control/prices" | "/control/ranges"):
            return json_answer({"error": "method not allowed"}, 405)
    return json_answer({"error": "not found"}, 404)


def status(simulator: Simulator) -> dict[str, Any]:
    """Return the state of the exchange: market, connections, faults; Binance's at the top level."""
    return {
        **simulator.source.status(),
        **_server_status(simulator.binance),
        "known_faults": sorted(FAULTS),
        "venues": {name: _server_status(server) for name, server in simulator.servers.items()},
    }


def prices(simulator: Simulator) -> dict[str, str]:
    """Return the last price of each symbol in the market, which faults do not change."""
    listings = simulator.source.listings.values()
    return {listing.symbol: render(listing.last.price) for listing in listings if listing.last}


def _ranges(simulator: Simulator, since: str) -> HttpAnswer:
    """Answer with the time (ms), each symbol's low and high since then, its best bid and ask now
    among them, and its last price."""
    if not since.isdecimal():
        return json_answer({"error": "since is a time in ms"}, 400)
    ranges = {
        symbol: [render(price) for price in _range(listing, int(since))]
        for symbol, listing in simulator.source.listings.items()
        if listing.last
    }
    return json_answer({"time": simulator.source.now(), "ranges": ranges})


def _range(listing: Listing, since: int) -> tuple[int, int, int]:
    """Return the low and high of the trades since a time (ms) and of the best bid and ask, and the
    last price. Where few trade, the book moves long before the next trade."""
    last = listing.trades[-1].price
    top = listing.top
    low, high = (last, last) if top is None else (min(last, top.bid), max(last, top.ask))
    for trade in reversed(listing.trades):
        if trade.time < since:
            break
        low, high = min(low, trade.price), max(high, trade.price)
    return low, high, last


def _server_status(server: ProviderServer) -> dict[str, Any]:
    client_sockets = list(server.client_sockets.values())
    return {
        "connections": [client_socket.status() for client_socket in client_sockets],
        "connections_accepted": server.accepted,
        "handshakes_refused": server.refused,
        "handshakes_unanswered": len(server.unanswered),
        "pongs": sum(client_socket.heartbeat.pongs for client_socket in client_sockets),
        "http_answers": server.answered,
        "faults": server.faults.active,
    }


def _post(simulator: Simulator, body: bytes) -> HttpAnswer:
    try:
        wanted = msgspec.json.decode(body, type=dict[str, Any])
        done = [
            start_fault(server, wanted)
            for server in _servers(simulator, wanted.pop("venue", BINANCE))
        ]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return json_answer({"error": f"the body must be a JSON object: {error}"}, 400)
    except FaultError as error:
        return json_answer({"error": str(error), "known_faults": sorted(FAULTS)}, 400)
    return json_answer(done[0])


def _delete(simulator: Simulator, name: str) -> HttpAnswer:
    try:
        servers = _servers(simulator, name)
    except FaultError as error:
        return json_answer({"error": str(error)}, 400)
    for server in servers:
        clear(server)
    return json_answer({"faults": {}})


def _servers(simulator: Simulator, name: Any) -> list[ProviderServer]:
    if name == EVERYWHERE:
        return list(simulator.servers.values())
    server = simulator.servers.get(name) if isinstance(name, str) else None
    if server is None:
        raise FaultError(f"unknown venue: {name!r}; there are {', '.join(simulator.servers)}")
    return [server]
