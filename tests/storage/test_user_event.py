from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask

from omcrm.auth.service import create_user
from omcrm.extensions import db
from omcrm.storage import user_event
from omcrm.storage.sqlite_file import writer_timeout
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role, User
from omcrm.storage.user_event import MOST_KEPT
from tests.processes import PATIENCE


@pytest.fixture
def other(user: User, now: datetime) -> User:
    """A second account."""
    account = User(
        email="other@example.com", password_hash="", role=Role.CLIENT, active=True, created_at=now
    )
    db.session.add(account)
    db.session.commit()
    return account


def add(user_id: int, now: datetime, *codes: str) -> None:
    with transaction():
        for code in codes:
            user_event.add(user_id, code, now, name=code.lower())


def numbers(user_id: int, after: int = 0) -> list[tuple[int, str]]:
    events = user_event.events_after(user_id, after, 10_000)
    return [(event.number, event.code) for event in events]


def test_events_are_numbered_per_user(user: User, other: User, now: datetime) -> None:
    """From 1, without gaps, in the order in which they were added."""
    mine, theirs = user.id, other.id
    add(mine, now, "A", "B")
    add(theirs, now, "C")
    with transaction():
        user_event.add(theirs, "D", now)
        user_event.add(mine, "E", now)

    assert [(1, "A"), (2, "B"), (3, "E")] == numbers(mine)
    assert [(1, "C"), (2, "D")] == numbers(theirs)
    assert [(3, "E")] == numbers(mine, after=2)
    assert {mine: 3, theirs: 2} == user_event.last_numbers([mine, theirs, 999])
    [event, *_] = user_event.events_after(mine, 0, 1)
    assert (mine, now, {"name": "a"}) == (event.user_id, event.at, event.details)


def test_an_event_of_a_failed_transaction_does_not_exist(user: User, now: datetime) -> None:
    """It takes no number, and the next transaction does not write it either."""
    mine = user.id
    add(mine, now, "A")

    @transaction()
    def fail() -> None:
        user_event.add(mine, "B", now)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    add(mine, now, "C")

    assert [(1, "A"), (2, "C")] == numbers(mine)


def test_the_oldest_events_of_a_user_are_deleted(user: User, now: datetime) -> None:
    """The newest are kept, and numbers go on."""
    mine = user.id
    for _ in range(3):
        add(mine, now, *["A"] * (MOST_KEPT // 2))
    kept = [number for number, _ in numbers(mine)]

    assert MOST_KEPT * 3 // 2 == kept[-1]
    assert MOST_KEPT == len(kept)
    assert kept == list(range(kept[0], kept[-1] + 1))


def test_the_first_event_since_a_time(user: User, other: User, now: datetime) -> None:
    """Of each user who has one."""
    mine, theirs = user.id, other.id
    add(mine, now, "A")
    add(theirs, now, "A")
    add(mine, now + timedelta(seconds=1), "B")
    add(mine, now + timedelta(seconds=2), "C")

    assert {mine: 2} == user_event.first_since([mine, theirs], now + timedelta(seconds=1))
    assert {mine: 1, theirs: 1} == user_event.first_since([mine, theirs], now)


def test_many_writers_leave_no_gap(app: Flask, now: datetime, restless: None) -> None:
    """However transactions overlap, and however many of them fail."""
    with app.app_context():
        user_id = create_user("a@example.com", "correct horse", Role.CLIENT, now).id

    def write(writer: int) -> None:
        with app.app_context(), writer_timeout(PATIENCE):
            for step in range(20):
                try:
                    with transaction():
                        user_event.add(user_id, f"{writer}-{step}", now)
                        if step % 5 == 4:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    continue

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(4)))
    with app.app_context():
        written = numbers(user_id)

    assert list(range(1, 65)) == [number for number, _ in written]
    for writer in range(4):
        steps = [int(code.split("-")[1]) for _, code in written if code.startswith(f"{writer}-")]
        assert sorted(steps) == steps
