"""Cross-origin resource sharing (CORS): what pages on other hosts may read of the API."""

from functools import partial

from flask import Flask, Response, current_app, request

from omcrm.auth.access import is_for_programs
from omcrm.auth.origin import is_foreign
from omcrm.auth.scope import Scope
from omcrm.settings import Settings

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, x-api-key",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Location, Retry-After, WWW-Authenticate"
# Open to everybody: where the socket is, and whether prices arrive.
_OPEN = frozenset({"realtime.websocket_info", "realtime.health"})


def init_cors(app: Flask, settings: Settings) -> None:
    """Let pages of `ALLOWED_ORIGINS` call the JSON routes, with a token and never with a cookie.

    Without `USE_SECURITY` pages of every origin may call the routes of public market data.
    """
    app.after_request(partial(_add, settings))


def _add(settings: Settings, response: Response) -> Response:
    if not is_for_programs(request.path):
        return response
    # Caches store an answer for each origin: one may read it, another may not.
    response.vary.add("Origin")
    if not is_foreign(request.environ, settings.public_url) or not _may_read(settings):
        return response
    response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if "Access-Control-Request-Method" in request.headers:
        response.headers.update(_PREFLIGHT)
    return response


def _may_read(settings: Settings) -> bool:
    if request.headers["Origin"] in settings.allowed_origins:
        return True
    return not settings.use_security and _is_market_data(request.endpoint or "")


def _is_market_data(endpoint: str) -> bool:
    scopes = getattr(current_app.view_functions.get(endpoint), "scopes", None)
    return endpoint in _OPEN or scopes == {Scope.MARKET_READ}
