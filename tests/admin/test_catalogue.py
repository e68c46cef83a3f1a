from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.engine.bus import Control, ControlAction
from omcrm.extensions import db
from omcrm.market.instrument import AssetClass
from omcrm.services import services, services_of
from omcrm.storage.instrument import InstrumentRow, find_instrument
from omcrm.storage.user import Role
from omcrm.web.market_access import market_view
from tests.values import instrument

DOGE = {
    "symbol": "DOGE",
    "name": "Dogecoin",
    "asset_class": "crypto",
    "decimals": "5",
    "binance_symbol": "dogeusdt",
}


@pytest.fixture
def admin(browser: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A browser of an administrator."""
    return browser(Role.ADMIN)


def test_an_added_instrument_is_subscribed(app: Flask, admin: FlaskClient, csrf: Callable) -> None:
    """The manager has the instrument and its name at Binance at once."""
    manager = services_of(app).manager
    with app.app_context():
        market_view()
    before = manager.instrument_mapping
    admin.post("/admin/instruments", data={**DOGE, "csrf_token": csrf(admin, "/admin/instruments")})

    assert "DOGE" not in before["crypto"]
    assert {**before["crypto"], "DOGE": "dogeusdt"} == manager.instrument_mapping["crypto"]
    assert "DOGE" in [
        instrument["symbol"]
        for instrument in admin.get("/webtrader/instruments").json["instruments"]
    ]


def test_a_refused_instrument_is_not_subscribed(
    app: Flask, admin: FlaskClient, csrf: Callable
) -> None:
    """A form with errors changes nothing."""
    fields = {**DOGE, "decimals": "x", "csrf_token": csrf(admin, "/admin/instruments")}
    admin.post("/admin/instruments", data=fields)
    with app.app_context():
        assert "DOGE" not in market_view().instruments


def test_an_inactive_instrument_is_unsubscribed(app: Flask) -> None:
    """After a change the manager has the active instruments of the database."""
    with app.app_context():
        before = list(market_view().instruments)
        find_instrument("BTC").active = False
        db.session.add(InstrumentRow.of(instrument("X", AssetClass.STOCK)))
        db.session.commit()
        services().bus.publish(Control(ControlAction.CATALOGUE_CHANGED))

        assert [*before[1:], "X"] == list(market_view().instruments)
