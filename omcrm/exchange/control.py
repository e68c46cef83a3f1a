"""The exchange's own endpoint: what it is doing, and which faults it plays."""

from typing import Any

import msgspec

from omcrm.exchange.exchange import Exchange
from omcrm.exchange.fault import FAULTS, FaultError, clear, switch_on
from omcrm.exchange.http import Answer, Request, json_answer


def answer(exchange: Exchange, request: Request) -> Answer:
    """Answer a call to `/control`."""
    # A page in somebody's browser reaches loopback too, and always says where it comes from.
    if "origin" in request.headers:
        return json_answer({"error": "not for browsers"}, 403)
    match (request.method, request.path):
        case ("GET", "/control" | "/control/faults"):
            return json_answer(status(exchange))
        case ("POST", "/control/faults"):
            return _post(exchange, request.body)
        case ("DELETE", "/control/faults"):
            clear(exchange)
            return json_answer({"faults": {}})
        case (_, "/control" | "/control/faults"):
            return json_answer({"error": "method not allowed"}, 405)
    return json_answer({"error": "not found"}, 404)


def status(exchange: Exchange) -> dict[str, Any]:
    """Give the state of the exchange: market, connections, faults."""
    sessions = list(exchange.sessions.values())
    return {
        **exchange.source.status(),
        "connections": [session.status() for session in sessions],
        "connections_accepted": exchange.accepted,
        "handshakes_refused": exchange.refused,
        "handshakes_unanswered": len(exchange.unanswered),
        "pongs": sum(session.heartbeat.pongs for session in sessions),
        "faults": exchange.faults.active,
        "known_faults": sorted(FAULTS),
    }


def _post(exchange: Exchange, body: bytes) -> Answer:
    try:
        wanted = msgspec.json.decode(body, type=dict[str, Any])
        done = switch_on(exchange, wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return json_answer({"error": f"the body must be a JSON object: {error}"}, 400)
    except FaultError as error:
        return json_answer({"error": str(error), "known_faults": sorted(FAULTS)}, 400)
    return json_answer(done)
