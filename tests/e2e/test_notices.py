"""Notices about the user's account, as the desk shows them."""

from collections.abc import Callable
from urllib.parse import urljoin

import pytest

from tests.e2e.conftest import Visitor

try:
    from playwright.sync_api import expect
except ImportError:  # the fixture `chromium` says so
    expect = None

pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]


def create_token(visitor: Visitor, name: str) -> None:
    """Create an API token beside the page, which may be offline."""
    csrf = visitor.page.locator("meta[name=csrf-token]").get_attribute("content")
    answer = visitor.context.request.post(
        urljoin(visitor.page.url, "/api/v1/tokens"),
        data={"name": name, "scopes": ["market:read"]},
        headers={"X-CSRFToken": csrf or "", "Referer": visitor.page.url},
    )
    assert 201 == answer.status, answer.text()


def test_a_new_token_is_shown_on_the_desk(visit: Visit) -> None:
    """At once, and after a break if the page was not connected; it leads to the tokens."""
    visitor = visit()
    visitor.expects("ERR_INTERNET_DISCONNECTED|WebSocket connection to .* failed")
    visitor.page.goto("/webtrader/dashboard")
    expect(visitor.connection()).to_have_attribute("data-state", "connected")
    visitor.page.evaluate("window.isTheSamePage = true")
    notice = visitor.page.locator("#notices .notice", has_text="The API token")
    create_token(visitor, "my <b>bot</b>")
    expect(notice).to_contain_text("The API token my <b>bot</b> was created.")
    expect(notice.get_by_role("link")).to_have_attribute("href", "/account/tokens")

    visitor.context.set_offline(True)
    expect(visitor.connection()).to_have_attribute("data-state", "disconnected")
    create_token(visitor, "while away")
    visitor.context.set_offline(False)
    expect(notice).to_contain_text("The API token while away was created.")
    assert visitor.page.evaluate("window.isTheSamePage")
