from omcrm.reference.desk_routes import ROUTES
from omcrm.storage.user import Role
from tests.gateways.here import Served
from tests.reference.asker import Asker, route_of
from tests.reference.judge import Judge


def test_the_desk_answers_as_described(here: Served, judge: Judge) -> None:
    """With a log-in; what is refused, too."""
    here.price("BTC")
    asker = Asker(here, judge, cookie=here.session(here.create_user()))

    for route in ROUTES:
        if route.method == "GET":
            assert asker.done(route, symbol="BTC")["success"]
    chart = route_of(ROUTES, "GET", "/chart_data/<symbol>")
    assert 400 == asker.ask(chart, "?limit=0", symbol="BTC").status_code
    assert 404 == asker.ask(chart, symbol="NOPE").status_code
    start = route_of(ROUTES, "POST", "/start_realtime_feeds")
    assert 400 == asker.ask(start).status_code


def test_an_administrator_sees_more(here: Served, judge: Judge) -> None:
    """The state of everything, with the feeds and the news."""
    cookie = here.session(here.create_user(Role.ADMIN))
    asker = Asker(here, judge, cookie=cookie)

    status = asker.done(route_of(ROUTES, "GET", "/realtime_status"))
    assert {"feeds", "news"} <= status.keys()
