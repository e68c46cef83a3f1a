"""Why a price is what it is, on the page of the feeds: who may see it, and what is there."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.source import HealthState
from omcrm.services import services_of
from omcrm.storage.user import Role
from tests.values import book, tick, trade

PAGE, PART = "/admin/feeds?symbol=BTC", "/admin/feeds/why/BTC"


@pytest.fixture
def staff(browser: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A browser of staff, who may see the feeds."""
    return browser(Role.STAFF)


@pytest.fixture
def live(app: Flask, staff: FlaskClient) -> None:
    """Binance streams BTC."""
    staff.get("/admin/feeds")
    consolidator = services_of(app).engine.consolidator
    consolidator.set_health("binance", HealthState.HEALTHY, 1)
    consolidator.apply(tick(trade("61000.5"), book("61000", "61001"), at=datetime.now(UTC)))


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
@pytest.mark.parametrize("path", [PAGE, PART])
def test_who_sees_the_feeds_sees_why(browser: Callable, role: Role, path: str) -> None:
    """Staff and administrators; without a price the sources are named all the same."""
    answer = browser(role).get(path)

    assert 200 == answer.status_code
    assert 'data-source="binance"' in answer.text
    assert "No source has sent a price yet." in answer.text


def test_a_client_does_not(browser: Callable) -> None:
    """Clients are refused the page and the part."""
    client = browser(Role.CLIENT)

    assert {403} == {client.get(path).status_code for path in (PAGE, PART)}


def test_an_instrument_is_chosen_by_a_form(staff: FlaskClient) -> None:
    """It is sent without JavaScript, and names every instrument; the shown one is selected."""
    page = staff.get("/admin/feeds?symbol=eth").text

    assert len(CATALOGUE) == page.count("<option selected>") + page.count("<option >")
    assert "<option selected>ETH</option>" in page
    assert re.search(r'<form[^>]* method="get"[^>]* action="/admin/feeds#why"', page)


def test_nothing_is_explained_where_nothing_is_chosen(staff: FlaskClient) -> None:
    """The page has the form, no table and no error."""
    page = staff.get("/admin/feeds")

    assert 200 == page.status_code
    assert 'id="explanation"' not in page.text
    assert "There is no instrument" not in page.text


@pytest.mark.parametrize("symbol", ["NOPE", "<b>", "A" * 500])
def test_an_unknown_symbol_is_an_error(staff: FlaskClient, symbol: str) -> None:
    """The page says so beside the form, escaped and cut; its part is not there."""
    page = staff.get("/admin/feeds", query_string={"symbol": symbol})

    assert 404 == page.status_code
    assert "There is no instrument" in page.text
    assert "<b>" not in page.text
    assert "A" * 21 not in page.text
    assert 404 == staff.get("/admin/feeds/why/NOPE").status_code


@pytest.mark.usefixtures("live")
def test_the_table_has_every_source(staff: FlaskClient) -> None:
    """In the policy's order, with figures, verdict and class, in cells with labels."""
    page = staff.get(PAGE).text
    section = page[page.index('id="explanation"') : page.index('id="quota-title"')]
    sources = re.findall(r'data-source="(\w+)"', section)

    assert ["binance", "coinbase", "kraken"] == sources[:3]
    assert "coingecko" == sources[-1]
    for text in ("61,000.50", "61,000.00 / 61,001.00", "Active", "Its price is shown."):
        assert text in section
    assert section.count("<td") == section.count("data-label=")
    assert section.count("<table") == section.count("<caption")


@pytest.mark.usefixtures("live")
def test_the_last_hour_is_drawn_and_written(staff: FlaskClient) -> None:
    """Bars with their class as in the rest of the page, the same in words, and each change."""
    part = staff.get(PART).text

    assert re.search(r'<rect data-class="live" x="\d+\.\d" width="\d+\.\d" y="0" height="10"', part)
    assert re.search(r'<span class="timeline-summary">live \d', part)
    assert re.search(r'<li data-class="live">\s*<time datetime="20', part)
    assert not re.findall(r"\s(?:style|on\w+)=|<style|<script", part)
