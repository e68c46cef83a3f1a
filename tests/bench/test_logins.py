from flask import Flask

from bench.fanout.logins import log_in
from omcrm.auth.credential import Caller, identify
from omcrm.extensions import db
from omcrm.storage.user import User


def test_each_cookie_is_a_login_of_its_own(app: Flask) -> None:
    """The app takes it as one of a browser."""
    cookies = list(log_in(app, 3))
    with app.app_context():
        callers = [identify({"HTTP_COOKIE": cookie, "HTTP_HOST": "x"}) for cookie in cookies]
        users = {user.id for user in db.session.query(User)}

    assert all(isinstance(caller, Caller) and caller.has_session for caller in callers)
    assert 3 == len({caller.user_id for caller in callers} & users)  # type: ignore[union-attr]
