import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.portfolio.api import CHANGES
from omcrm.storage.user import Role

HOME = "/portfolio/"
BTC = {"symbol": "btc", "quantity": "0.25", "average_cost": "50000"}

Submit = Callable[..., TestResponse]


@pytest.fixture
def trader(browser: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A logged-in client's browser."""
    return browser(Role.CLIENT)


@pytest.fixture
def submit(trader: FlaskClient, csrf: Callable) -> Submit:
    """Submits a form with the CSRF token."""
    token = csrf(trader, HOME)

    def send(path: str, **fields: str) -> TestResponse:
        return trader.post(path, data={"csrf_token": token, **fields})

    return send


@pytest.fixture
def own(submit: Submit) -> str:
    """The page of a portfolio."""
    return submit(HOME, name="Growth").location


def errors(answer: TestResponse) -> list[tuple[str, str]]:
    """The fields with errors and their messages."""
    return re.findall(r'class="field-error" id="(\w+)-error">([^<]*)<', answer.text)


def test_an_anonymous_user_is_redirected_to_the_login(client: FlaskClient, own: str) -> None:
    """With the way back."""
    for path in (HOME, own):
        assert f"/auth/login?next={path}" == client.get(path).location
    assert 400 == client.post(HOME, data={"name": "x"}).status_code


def test_a_portfolio_is_created_changed_and_deleted(trader: FlaskClient, submit: Submit) -> None:
    """Each form redirects to a page that shows the change."""
    own = submit(HOME, name=" Growth ").location
    added = submit(f"{own}/holdings", **BTC)
    page = trader.get(own).text

    assert own == added.location
    assert "<h1>Growth</h1>" in page
    assert 'data-symbol="BTC"' in page
    assert "at 50,000" in page
    change = trader.get(f"{own}?holding=BTC").text
    assert 'value="0.25"' in change
    assert "Change BTC" in change
    submit(f"{own}/holdings/BTC", quantity="0.5", average_cost="1")
    assert 'value="0.5"' in trader.get(f"{own}?holding=BTC").text
    submit(f"{own}/holdings/BTC/remove")
    assert "Nothing is held here yet" in trader.get(own).text
    assert own == submit(f"{own}/rename", name="Pension").location
    assert "Pension is deleted" in trader.get(submit(f"{own}/delete").location).text
    assert 404 == trader.get(own).status_code


def test_an_error_is_shown_at_its_field(submit: Submit, own: str) -> None:
    """The input is kept."""
    submit(f"{own}/holdings", **BTC)
    wrong = submit(f"{own}/holdings", **{**BTC, "symbol": "ETH", "quantity": "-1"})

    assert [("quantity", "The quantity must be more than zero.")] == errors(wrong)
    assert (400, True) == (wrong.status_code, 'value="-1"' in wrong.text)
    assert [("symbol", "BTC is in this portfolio already.")] == errors(
        submit(f"{own}/holdings", **BTC)
    )
    assert [("average_cost", "The average cost cannot be less than zero.")] == errors(
        submit(f"{own}/holdings/BTC", quantity="1", average_cost="-1")
    )
    assert [("name", "Give the portfolio a name.")] == errors(submit(f"{own}/rename", name=" "))
    assert [("name", "You have a portfolio called Growth already.")] == errors(
        submit(HOME, name="Growth")
    )


def test_names_are_escaped(trader: FlaskClient, submit: Submit) -> None:
    """Markup is shown as text."""
    own = submit(HOME, name="<b>x</b>").location
    wrong = submit(f"{own}/holdings", **{**BTC, "symbol": "<i>y</i>"})

    for page in (trader.get(HOME).text, trader.get(own).text, wrong.text):
        assert "<b>" not in page
        assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "&lt;I&gt;Y" in wrong.text


def test_another_users_portfolio_is_like_a_missing_one(
    own: str, browser: Callable, csrf: Callable
) -> None:
    """Every page and form answers with 404."""
    other = browser(Role.ADMIN)
    token = csrf(other, HOME)
    forms = ("rename", "delete", "holdings", "holdings/BTC", "holdings/BTC/remove")

    def answers(path: str) -> list[int]:
        sent = [other.post(f"{path}/{form}", data={"csrf_token": token}) for form in forms]
        return [response.status_code for response in (other.get(path), *sent)]

    assert [404] * 6 == answers(own) == answers(f"{HOME}999")


@pytest.mark.parametrize("holding", ["ETH", "", "x" * 500, "<script>"])
def test_only_a_holding_can_be_changed(
    trader: FlaskClient, submit: Submit, own: str, holding: str
) -> None:
    """There is no page and no form for another symbol."""
    assert 404 == trader.get(own, query_string={"holding": holding}).status_code
    assert 404 == submit(f"{own}/holdings/{holding or 'x'}", **BTC).status_code


def test_a_form_needs_the_pages_token(trader: FlaskClient, own: str) -> None:
    """A form on another site changes nothing."""
    answers = [trader.post(HOME, data={"name": "x"}), trader.post(f"{own}/delete")]

    assert [400, 400] == [answer.status_code for answer in answers]
    assert 200 == trader.get(own).status_code


def test_the_page_has_the_counted_classes(trader: FlaskClient, own: str) -> None:
    """Simulated prices count in a demonstration only, fixed ones never."""
    page = trader.get(own).text

    assert 'data-counted="live closed delayed indicative stale"' in page
    assert "simulated last_resort" in page


def test_changes_are_limited_for_each_user(submit: Submit, own: str) -> None:
    """The form shows the error and keeps the input."""
    for _ in range(CHANGES.limit.amount):
        answer = submit(f"{own}/rename", name="")

    assert "Too many changes: try again in" in answer.text
    assert 429 == submit(f"{own}/delete").status_code
