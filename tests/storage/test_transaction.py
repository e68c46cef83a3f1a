from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import text

from omcrm.extensions import db
from omcrm.storage.sqlite_file import writer_timeout
from omcrm.storage.transaction import end_read, transaction
from tests.processes import PATIENCE

READ = text("SELECT decimals FROM instruments WHERE symbol = 'BTC'")
WRITE = text("UPDATE instruments SET decimals = :decimals WHERE symbol = 'BTC'")


def decimals(app: Flask) -> int:
    with app.app_context():
        return int(db.session.scalar(READ))


def write(number: int) -> None:
    db.session.execute(WRITE, {"decimals": number})


def test_what_is_written_inside_is_committed_at_the_end(app: Flask) -> None:
    """Others see it only then."""
    before = decimals(app)
    with app.app_context(), transaction():
        write(before + 1)
        assert before == decimals(app)

    assert before + 1 == decimals(app)


def test_nothing_is_committed_where_it_raises(app: Flask) -> None:
    """Also not what was written before the error; the next transaction works."""
    before = decimals(app)

    @transaction()
    def fail() -> None:
        write(before + 1)
        raise ZeroDivisionError

    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            fail()
        assert before == decimals(app)
        with transaction():
            write(before + 2)

    assert before + 2 == decimals(app)


def test_one_inside_of_another_is_refused(app: Flask) -> None:
    """It would commit half of the other one; nothing of both is committed."""
    before = decimals(app)

    @transaction()
    def nest() -> None:
        write(before + 1)
        with transaction():
            write(before + 2)

    with app.app_context(), pytest.raises(RuntimeError, match="inside of another"):
        nest()

    assert before == decimals(app)


def test_what_is_read_inside_is_current(app: Flask, restless: None) -> None:
    """Many that read a number and write the next one lose no step, and none is refused."""
    before = decimals(app)

    def step() -> None:
        with app.app_context(), writer_timeout(PATIENCE):
            for _ in range(10):
                db.session.scalar(READ)
                with transaction():
                    write(int(db.session.scalar(READ)) + 1)

    threads = [Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert before + 40 == decimals(app)


def test_ending_a_read_lets_the_next_one_see_what_others_wrote(app: Flask) -> None:
    """And it loses what was changed and not written, which belongs into a transaction."""
    before = decimals(app)
    with app.app_context():
        write(before + 1)
        end_read()

        assert before == decimals(app)
