"""Cross-origin resource sharing (CORS): what pages on other hosts may read of the API."""

from functools import partial

from flask import Flask, Response, request

from omcrm.auth.access import is_for_programs, route_access
from omcrm.auth.origin import is_foreign
from omcrm.auth.permission import Permission
from omcrm.settings import Settings

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, x-api-key",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Location, Retry-After, WWW-Authenticate"
# Asked by an operator's own machines.
_OPERATIONS = frozenset({"web.healthz", "web.readyz"})


def init_cors(app: Flask, settings: Settings) -> None:
    """Let pages of `ALLOWED_ORIGINS` call the JSON routes, with a token and never with a cookie.

    Without `USE_SECURITY` pages of every origin may call the routes of public market data.
    """
    app.after_request(partial(_add, settings))


def _add(settings: Settings, response: Response) -> Response:
    if not is_for_programs() or request.endpoint in _OPERATIONS:
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
    return not settings.use_security and _is_market_data()


def _is_market_data() -> bool:
    access = route_access()
    if access is None:
        return False
    return access.is_public or access.permissions == {Permission.MARKET_READ}
