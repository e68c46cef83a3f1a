"""The same app on PostgreSQL: a real server, made for this test."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import create_engine, inspect, text

from omcrm import create_app
from omcrm.extensions import db
from omcrm.settings import load
from omcrm.storage import user_event
from omcrm.storage.transaction import transaction
from omcrm.storage.user import find_user
from tests.processes import PATIENCE, App, Browser, Exchange, wait_for
from tests.test_migrations import (
    FOLDER,
    check_codes,
    check_lease,
    check_terms,
    fill_before_codes,
    fill_before_terms,
)
from tests.upstreams import at_the_exchange


def failing(browser: Browser) -> list[str]:
    """The parts that `/readyz` names."""
    return browser.get("/readyz").json().get("failing", [])


@contextmanager
def only_reading(url: str) -> Iterator[None]:
    """Meanwhile the server refuses writes."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER SYSTEM SET default_transaction_read_only = on"))
        connection.execute(text("SELECT pg_reload_conf()"))
        yield
        connection.execute(text("ALTER SYSTEM RESET default_transaction_read_only"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.mark.parametrize("mode", ["eventlet", "gevent", "threading"])
def test_the_desk_on_postgresql(
    postgresql: str, tmp_path: Path, exchange: Exchange, mode: str
) -> None:
    """Migrations, login and live prices work as on SQLite, on every kind of threads."""
    environ = {"DATABASE_URL": postgresql, "BINANCE_WS_URL": exchange.url, "OMCRM_ASYNC": mode}
    with App(tmp_path, environ) as app:
        with app.new_browser().desk() as page:
            page.subscribe("BTC")
            wait_for(lambda: len(page.prices("BTC")) > 3, 15, "prices")
            assert "live" == page.prices("BTC")[-1]["price_class"]
        output = app.run("-m", "flask", "--app", "omcrm", "db", "check")
        assert "No new upgrade operations" in output


def test_a_filled_database_of_the_previous_version_is_upgraded(
    postgresql: str, tmp_path: Path
) -> None:
    """Instruments get what orders need, as on SQLite, and no default stays behind; events keep
    their sentences."""
    url = f"{postgresql.rpartition('/')[0]}/previous"
    server = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE previous"))
    server.dispose()
    app = create_app(load({"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": url}))
    with app.app_context():
        fill_before_terms()
        fill_before_codes()
        flask_migrate.upgrade(directory=FOLDER)
        check_terms()
        check_codes()
        check_lease()
        defaults = {
            column["name"]: column["default"]
            for column in inspect(db.engine).get_columns("instruments")
            if column["name"] != "id"
        }
        db.session.remove()
        db.engine.dispose()

    assert {None} == set(defaults.values())


def test_prices_and_days_are_written(postgresql: str, tmp_path: Path, exchange: Exchange) -> None:
    """The commands print the same as on SQLite: new rows, then none."""
    environ = {**at_the_exchange(exchange, tmp_path), "DATABASE_URL": postgresql}
    with App(tmp_path, environ) as app:
        command = ("manage.py", "update_asset_prices", "--symbols", "BTC", "EURUSD")
        prices = [app.run(*command) for _ in range(2)]
        days = [app.run(*command, "--historical", "--days", "7") for _ in range(2)]

    assert all("2 prices written." in price for price in prices)
    assert "BTC     7     0      7" in days[0]
    assert "0 days written." in days[1]


def test_decimals_are_exact(postgresql: str, tmp_path: Path) -> None:
    """A last-resort price is stored with every digit."""
    with App(tmp_path, {"DATABASE_URL": postgresql}):
        engine = create_engine(postgresql)
        with engine.begin() as connection:
            connection.execute(
                text("update instruments set last_resort_price = :p where symbol = 'BTC'"),
                {"p": "98765432.1234567891"},
            )
            kept = connection.scalar(
                text("select last_resort_price from instruments where symbol = 'BTC'")
            )
        engine.dispose()

    assert Decimal("98765432.1234567891") == Decimal(kept)


def test_portfolios_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    """Locking, limits and numbers work as on SQLite; of several equal requests one adds."""
    quantity = "123456789.123456789012345678"
    with App(tmp_path, {"DATABASE_URL": postgresql, "BINANCE_WS_URL": ""}) as app:
        browser = app.new_browser()
        headers = {"X-CSRFToken": browser.csrf("/portfolio/")}
        made = browser.post("/api/v1/portfolios", json={"name": "Growth"}, headers=headers)
        own = made.headers["Location"]
        body = {"symbol": "BTC", "quantity": quantity, "average_cost": 0}

        def add(_: int) -> int:
            return browser.post(f"{own}/holdings", json=body, headers=headers).status_code

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(add, range(4)))
        text = browser.get(own).text
        unreadable = [
            browser.post("/api/v1/portfolios", json={"name": "a\0b"}, headers=headers),
            browser.post("/api/v1/portfolios", data=b'{"name":"\\ud800"}', headers=headers),
            browser.post(f"{own}/holdings", json={**body, "symbol": "a\0b"}, headers=headers),
            browser.http.put(
                f"{app.base}{own}/holdings/%00", json={}, headers=headers, timeout=PATIENCE
            ),
            browser.post("/portfolio/", data={"name": "a\0b"}, headers=headers),
            browser.post("/auth/login", data={"email": "a\0b", "password": "x"}, headers=headers),
        ]
        assert [400] * 6 == [response.status_code for response in unreadable]

        with only_reading(postgresql):
            wait_for(lambda: "database" in failing(browser), 30, "the database to be named")
            refused = browser.post("/api/v1/portfolios", json={"name": "Value"}, headers=headers)
            assert (503, "DATABASE_UNAVAILABLE") == (
                refused.status_code,
                refused.json()["error"]["code"],
            )
            assert 200 == browser.get(own).status_code
        wait_for(lambda: "database" not in failing(browser), 30, "the database")
        assert "Traceback" not in app.output()

    assert [201, 409, 409, 409] == answers
    assert f'"quantity":{quantity}' in text
    assert '"version":2' in text


def test_user_events_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    """Transactions that overlap neither wait for each other for ever nor leave a gap, which a
    reader would see as long as the lower number is not committed."""
    environ = {"DATABASE_URL": postgresql, "REALTIME_SOURCES": ""}
    with App(tmp_path, environ) as app:
        for name in "ab":
            app.create_user(f"{name}@example.com")
    writing = create_app(load({"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": postgresql}))
    with writing.app_context():
        users = [find_user(f"{name}@example.com").id for name in "ab"]
        before = user_event.last_numbers(users)

    def write(writer: int) -> None:
        with writing.app_context():
            for step in range(25):
                with suppress(ZeroDivisionError), transaction():
                    # In the one order and in the other one.
                    for user in users[:: (-1) ** (writer + step)]:
                        user_event.add(user, "OTHER", datetime.now(UTC))
                    if step % 5 == 4:
                        raise ZeroDivisionError

    def numbers(user: int) -> list[int]:
        with writing.app_context():
            events = user_event.events_after(user, before.get(user, 0), 1_000)
            return [event.number - before.get(user, 0) for event in events]

    with ThreadPoolExecutor(4) as writers:
        done = [writers.submit(write, writer) for writer in range(4)]
        while not all(future.done() for future in done):
            for user in users:
                seen = numbers(user)
                assert list(range(1, len(seen) + 1)) == seen
        for future in done:
            future.result()
    written = [len(numbers(user)) for user in users]
    with writing.app_context():
        db.engine.dispose()

    assert [80, 80] == written
