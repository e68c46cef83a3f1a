import pytest
from flask import Flask

from omcrm.auth.permission import Permission
from omcrm.reference.route import Needs, Route
from omcrm.reference.routes import ROUTES

# Routes for people, which answer in HTML or redirect, and files.
PAGES = {
    ("GET", "/"),
    ("GET", "/account/logins"),
    ("GET", "/account/tokens"),
    ("POST", "/account/tokens"),
    ("POST", "/account/tokens/<int:token_id>/revoke"),
    ("GET", "/admin/"),
    ("GET", "/admin/feeds"),
    ("GET", "/admin/instruments"),
    ("POST", "/admin/instruments"),
    ("POST", "/admin/instruments/names"),
    ("GET", "/api/asyncapi.yaml"),
    ("GET", "/api/docs"),
    ("GET", "/auth/login"),
    ("POST", "/auth/login"),
    ("POST", "/auth/logout"),
    ("GET", "/portfolio/"),
    ("POST", "/portfolio/"),
    ("GET", "/portfolio/<int:portfolio_id>"),
    ("POST", "/portfolio/<int:portfolio_id>/delete"),
    ("POST", "/portfolio/<int:portfolio_id>/holdings"),
    ("POST", "/portfolio/<int:portfolio_id>/holdings/<symbol>"),
    ("POST", "/portfolio/<int:portfolio_id>/holdings/<symbol>/remove"),
    ("POST", "/portfolio/<int:portfolio_id>/rename"),
    ("GET", "/realtime/dashboard/"),
    ("GET", "/realtime/test/"),
    ("GET", "/static/<path:filename>"),
    ("GET", "/webtrader/"),
    ("GET", "/webtrader/dashboard"),
}


def test_every_route_is_described_or_a_page(app: Flask) -> None:
    """A new route must be described or added to PAGES."""
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert served - PAGES == {(route.method, route.path) for route in ROUTES}
    assert served >= PAGES


def test_each_route_is_described_once() -> None:
    """A second description would hide the first."""
    assert len(ROUTES) == len({(route.method, route.path) for route in ROUTES})


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_strangers_are_answered_as_described(route, app: Flask) -> None:
    """Open routes answer; all others refuse before anything else."""
    url = route.address.replace("{portfolio_id}", "1").replace("{token_id}", "1")
    answer = app.test_client().open(
        url.replace("{symbol}", "BTC"), method=route.method, headers={"Accept": "application/json"}
    )

    assert answer.is_json
    if route.needs == "nothing":
        assert answer.status_code in {200, *route.refusals}
    else:
        assert 401 == answer.status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_route_needs_what_its_decorator_says(route: Route, app: Flask) -> None:
    """The documents give the permission that the app asks for, and whether it takes tokens."""
    adapter = app.url_map.bind("")
    path = route.path.replace("<int:portfolio_id>", "1").replace("<int:token_id>", "1")
    endpoint, _ = adapter.match(path.replace("<symbol>", "BTC"), method=route.method)
    access = app.view_functions[endpoint].access

    assert (route.needs is Needs.NOTHING) is access.is_public
    assert (route.needs is Needs.LOGIN) is access.session_only
    assert not access.is_page
    needed = {route.needs} if isinstance(route.needs, Permission) else set()
    assert needed == access.permissions
