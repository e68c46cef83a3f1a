"""Names of instruments that are there already, changed at one provider."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.storage.audit import AuditEntry
from omcrm.storage.instrument import find_instrument
from omcrm.storage.user import Role

INSTRUMENTS = "/admin/instruments"

Change = Callable[..., TestResponse]


@pytest.fixture
def change(browser: Callable[[Role], FlaskClient], csrf: Callable) -> Change:
    """Sends the form of a name."""
    admin = browser(Role.ADMIN)

    def send(instrument: str, provider: str, name: str) -> TestResponse:
        fields = {"instrument": instrument, "provider": provider, "provider_name": name}
        data = {f"name-{field}": text for field, text in fields.items()}
        return admin.post(
            f"{INSTRUMENTS}/names", data={**data, "csrf_token": csrf(admin, INSTRUMENTS)}
        )

    return send


def names_of(app: Flask, symbol: str) -> dict[str, str]:
    with app.app_context():
        return dict(find_instrument(symbol).provider_symbols)


def test_an_instrument_gets_another_name(app: Flask, change: Change) -> None:
    """As the provider writes it, at all of its sources, and no other name changes."""
    before = names_of(app, "AAPL")

    assert 302 == change("AAPL", "finnhub", " msft.x ").status_code
    assert {**before, "finnhub": "MSFT.X", "finnhub_quote": "MSFT.X"} == names_of(app, "AAPL")
    with app.app_context():
        (entry,) = AuditEntry.query.filter_by(action="rename_instrument")
        assert "AAPL" == entry.detail


def test_an_instrument_is_not_at_a_provider(app: Flask, change: Change) -> None:
    """A dash says so, and an empty name ends it."""
    before = names_of(app, "BTC")

    assert 302 == change("BTC", "kraken", "-").status_code
    assert {**before, "kraken": ""} == names_of(app, "BTC")
    assert 302 == change("BTC", "kraken", "").status_code
    assert "kraken" not in names_of(app, "BTC")


@pytest.mark.parametrize(
    ("instrument", "provider", "name", "problem"),
    [
        ("BTC", "kraken", "BTC-USD", "Kraken: that is no name there. One would be BTC/USD."),
        ("BTC", "kraken", "eth/usd", "ETH has that name already."),
        ("BTC", "frankfurter", "EURUSD", "Frankfurter: prices of forex only."),
    ],
)
def test_a_wrong_name_is_refused(
    app: Flask, change: Change, instrument: str, provider: str, name: str, problem: str
) -> None:
    """With the reason, and nothing is stored."""
    before = names_of(app, instrument)
    answer = change(instrument, provider, name)

    assert 400 == answer.status_code
    assert problem in answer.text
    assert before == names_of(app, instrument)


def test_an_unknown_instrument_or_provider_is_refused(change: Change) -> None:
    """The lists of the form have all there are."""
    assert 400 == change("NOSUCH", "kraken", "-").status_code
    assert 400 == change("BTC", "nosuch", "-").status_code


def test_only_administrators_change_names(browser: Callable[[Role], FlaskClient]) -> None:
    """A client is refused."""
    assert browser(Role.CLIENT).post(f"{INSTRUMENTS}/names").status_code in (400, 403)
