from omcrm.auth.credential import session_caller
from omcrm.storage.user import Role
from omcrm.webtrader.page_session import PageSession, page_limits


def test_a_page_is_a_client_of_the_desk() -> None:
    """Its id is Socket.IO's, its owner the user, and its limits those of pages."""
    limits = page_limits(20, 250)
    page = PageSession("sid", session_caller(7, Role.CLIENT, "x"), limits)

    assert ("sid", "desk", 7, limits) == (page.id, page.dialect_name, page.owner, page.limits)
    assert ("open pages", 20, 250) == (limits.noun, limits.connections, limits.subscriptions)
