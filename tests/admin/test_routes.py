"""Who may see the administrators' pages, what is on them, and what adding an instrument does.

Long for a reason: the form is validated field by field.
"""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.admin.upstream_name import SPELLINGS
from omcrm.extensions import db
from omcrm.market.catalogue import CATALOGUE
from omcrm.storage.audit import AuditEntry
from omcrm.storage.instrument import all_instruments, find_instrument
from omcrm.storage.user import Role

INSTRUMENTS = "/admin/instruments"
PAGES = ["/admin/", "/admin/feeds", "/admin/feeds/why/BTC", INSTRUMENTS]
DOGE = {
    "symbol": "DOGE",
    "name": "Dogecoin",
    "asset_class": "crypto",
    "decimals": "5",
    "last_resort_price": "0.10012",
    "binance_symbol": "dogeusdt",
}

Add = Callable[..., TestResponse]


@pytest.fixture
def admin(browser: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A browser of an administrator."""
    return browser(Role.ADMIN)


@pytest.fixture
def add(admin: FlaskClient, csrf: Callable) -> Add:
    """Sends the form."""

    def send(**fields: str) -> TestResponse:
        return admin.post(
            INSTRUMENTS, data={**DOGE, **fields, "csrf_token": csrf(admin, INSTRUMENTS)}
        )

    return send


# Who may


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_the_login(client: FlaskClient, path: str) -> None:
    """The login returns to the page."""
    answer = client.get(path)

    assert (302, f"/auth/login?next={path}") == (answer.status_code, answer.location)


@pytest.mark.parametrize(
    ("role", "path"), [*((Role.CLIENT, path) for path in PAGES), (Role.STAFF, INSTRUMENTS)]
)
def test_a_client_is_refused_and_it_is_in_the_audit_log(
    app: Flask, browser: Callable, role: Role, path: str
) -> None:
    """The answer is 403, and the audit log has the user and the page."""
    answer = browser(role).get(path)

    assert 403 == answer.status_code
    with app.app_context():
        (entry,) = db.session.query(AuditEntry).filter_by(action="refused_admin_access")

        assert f"GET {path}" == entry.detail
        assert entry.user_id is not None


def test_a_client_cannot_add(app: Flask, browser: Callable, csrf: Callable) -> None:
    """A POST without being an admin is refused."""
    trader = browser(Role.CLIENT)
    token = csrf(trader, "/nowhere")
    answer = trader.post(INSTRUMENTS, data={**DOGE, "csrf_token": token})

    assert 403 == answer.status_code
    with app.app_context():
        assert None is find_instrument("DOGE")


def test_an_admin_needs_the_pages_token(app: Flask, admin: FlaskClient) -> None:
    """Another site's form adds nothing."""
    answer = admin.post(INSTRUMENTS, data=DOGE)

    assert 400 == answer.status_code
    with app.app_context():
        assert None is find_instrument("DOGE")


# The pages


def test_the_start_page_redirects_to_the_feeds(admin: FlaskClient) -> None:
    """The page of the feeds is the first one."""
    assert "/admin/feeds" == admin.get("/admin/").location


def test_feeds_can_be_started_and_stopped(admin: FlaskClient) -> None:
    """The page has the buttons, and the CSRF token that they need."""
    page = admin.get("/admin/feeds")

    assert 200 == page.status_code
    for element in ('id="feeds-start"', 'id="feeds-stop"', 'name="csrf-token"'):
        assert element in page.text


def test_the_page_of_feeds_has_all_tables(admin: FlaskClient) -> None:
    """Each table has a caption, each section a heading, and a text until its data is loaded."""
    page = admin.get("/admin/feeds").text

    for name in ("chain", "quota", "events", "quarantine"):
        assert f'id="{name}"' in page
        assert f'aria-labelledby="{name}-title"' in page
        assert f'id="{name}-empty">Loading…' in page
    assert page.count("<table") == page.count("<caption")
    assert 'id="events-source"' in page
    assert 'id="events-kind"' in page


@pytest.mark.parametrize("path", ["/admin/feeds", INSTRUMENTS])
def test_nothing_is_inline(admin: FlaskClient, path: str) -> None:
    """The pages comply with their Content-Security-Policy, and load from no other host."""
    page = admin.get(path).text

    assert not re.findall(r"\s(?:style|on\w+)=|<style|<script(?![^>]*\ssrc=)", page)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)


def test_instruments_are_listed(admin: FlaskClient) -> None:
    """Every instrument is shown with its names at its sources."""
    page = admin.get(INSTRUMENTS)

    assert 200 == page.status_code
    assert all(f'data-symbol="{instrument.symbol}"' in page.text for instrument in CATALOGUE)
    assert "polusdt" in page.text


# Adding an instrument


def test_an_added_instrument_is_stored_and_in_the_audit_log(
    app: Flask, admin: FlaskClient, add: Add
) -> None:
    """Its fields are in the database, and the audit log has the user."""
    answer = add()

    assert (302, INSTRUMENTS) == (answer.status_code, answer.location)
    assert 'data-symbol="DOGE"' in admin.get(INSTRUMENTS).text
    with app.app_context():
        row = find_instrument("DOGE")
        (entry,) = db.session.query(AuditEntry).filter_by(action="add_instrument")

        assert ("Dogecoin", "crypto", 5, "0.10012", True) == (
            row.name,
            row.asset_class,
            row.decimals,
            str(row.last_resort_price),
            row.active,
        )
        assert {"binance": "dogeusdt"} == row.provider_symbols
        assert "DOGE" == entry.detail
        assert entry.user_id is not None


def test_what_orders_need_is_stored_and_listed(app: Flask, admin: FlaskClient, add: Add) -> None:
    """Typed values, and the usual ones of the class for the others."""
    added = add(currency="eur", price_step="0.25", minimum_quantity="0.5")
    page = admin.get(INSTRUMENTS).text

    assert 302 == added.status_code
    assert "0.25 EUR" in page
    assert "0.5 to 1,000,000" in page
    with app.app_context():
        row = find_instrument("DOGE")

        assert ("EUR", "always", 8) == (row.currency, row.calendar, row.storage_scale)


def test_a_contradiction_is_shown_at_its_field(app: Flask, add: Add) -> None:
    """The form is shown again, and nothing is stored."""
    answer = add(minimum_quantity="5", maximum_quantity="4")

    assert 400 == answer.status_code
    assert 'id="maximum_quantity-error"' in answer.text
    assert "Maximum quantity: less than the minimum, 5." in answer.text
    with app.app_context():
        assert None is find_instrument("DOGE")


def test_an_instrument_without_a_last_resort_is_listed(admin: FlaskClient, add: Add) -> None:
    """The last-resort price may be left out, and the page still works."""
    added = add(last_resort_price="")
    page = admin.get(INSTRUMENTS)

    assert 302 == added.status_code
    assert 200 == page.status_code
    assert 'data-symbol="DOGE"' in page.text


@pytest.mark.parametrize("symbol", ["BTC", "btc", " BTC "])
def test_a_symbol_that_is_taken_is_named(app: Flask, add: Add, symbol: str) -> None:
    """A symbol is unique; the form is shown again with the typed text."""
    answer = add(symbol=symbol)

    assert 400 == answer.status_code
    assert "There is already an instrument BTC." in answer.text
    assert 'value="Dogecoin"' in answer.text
    with app.app_context():
        assert len(CATALOGUE) == len(all_instruments())


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("binance_symbol", "btcusdt"),
        ("simulated_symbol", "btcusdt"),
        ("coinbase_symbol", "btc-usd"),
        ("kraken_symbol", "BTC/USD"),
        ("coingecko_symbol", "bitcoin"),
    ],
)
def test_a_name_that_is_taken_is_named(app: Flask, add: Add, field: str, name: str) -> None:
    """The ticks of one name at a source go to one instrument only."""
    answer = add(**{field: name})

    assert 400 == answer.status_code
    assert f'id="{field}-error"' in answer.text
    assert "BTC has that name already." in answer.text
    with app.app_context():
        assert None is find_instrument("DOGE")


def test_every_name_that_is_taken_is_named(add: Add) -> None:
    """All errors are shown together."""
    answer = add(coinbase_symbol="BTC-USD", kraken_symbol="ETH/USD")

    assert 2 == answer.text.count('class="field-error"')
    assert "BTC has that name already." in answer.text
    assert "ETH has that name already." in answer.text


def test_a_name_may_be_taken_at_another_source(app: Flask, add: Add) -> None:
    """Names are unique within one source only."""
    with app.app_context():
        find_instrument("BTC").provider_symbols = {"binance": "btcusdt"}
        db.session.commit()

    assert 302 == add(simulated_symbol="dogeusdt", kraken_symbol="BTC/USD").status_code


def test_a_name_that_only_the_quotes_use_is_taken(app: Flask, add: Add) -> None:
    """One field is the name at several sources, and is unique at each of them."""
    with app.app_context():
        find_instrument("AAPL").provider_symbols = {"finnhub_quote": "AAPL"}
        db.session.commit()
    answer = add(asset_class="stock", binance_symbol="", finnhub_symbol="AAPL")

    assert 400 == answer.status_code
    assert 'id="finnhub_symbol-error"' in answer.text


def test_names_at_all_sources_are_kept(app: Flask, admin: FlaskClient, add: Add) -> None:
    """A new instrument can have names at all sources, and the list shows them."""
    names = {
        "coinbase_symbol": "DOGE-USD",
        "kraken_symbol": "DOGE/USD",
        "coingecko_symbol": "dogecoin",
        "simulated_symbol": "dogeusdt",
    }
    answer = add(**names)
    page = admin.get(INSTRUMENTS).text

    assert 302 == answer.status_code
    assert all(name in page for name in names.values())
    with app.app_context():
        assert {
            "binance": "dogeusdt",
            "coinbase": "DOGE-USD",
            "kraken": "DOGE/USD",
            "coingecko": "dogecoin",
            "simulated": "dogeusdt",
        } == find_instrument("DOGE").provider_symbols


def test_every_source_has_a_field(admin: FlaskClient) -> None:
    """The form groups the names by the classes that the sources have prices of."""
    page = admin.get(INSTRUMENTS).text

    assert all(page.count(f'name="{source}_symbol"') == 1 for source in SPELLINGS)
    assert ["crypto", "crypto forex", "stock", "stock forex", "forex"] == re.findall(
        r'data-asset-class="([\w ]+)"', page
    )
    assert "sources of stocks and forex" in " ".join(page.split())


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("symbol", "DO/GE"),
        ("name", ""),
        ("asset_class", "bond"),
        ("decimals", "eleven"),
        ("last_resort_price", "-1"),
        ("binance_symbol", "doge/usdt"),
        ("coinbase_symbol", "dogeusd"),
        ("finnhub_symbol", "DOGE"),
    ],
)
def test_a_bad_field_is_named(app: Flask, add: Add, field: str, text: str) -> None:
    """The form is shown with an error at the wrong field, and nothing is added."""
    answer = add(**{field: text})

    assert 400 == answer.status_code
    assert f'id="{field}-error"' in answer.text
    assert 1 == answer.text.count('class="field-error"')
    with app.app_context():
        assert len(CATALOGUE) == len(all_instruments())


def test_a_typed_name_is_escaped(add: Add) -> None:
    """A name with markup is text on the page."""
    page = add(name="<script>alert(1)</script>", decimals="x")

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
