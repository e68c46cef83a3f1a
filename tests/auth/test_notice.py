from datetime import datetime

import pytest
from flask import Flask

from omcrm.auth.notice import notice
from omcrm.auth.service import change_password, create_user, set_active
from omcrm.storage import user_event
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role
from omcrm.storage.user_event import UserEvent, events_after
from omcrm.wire.user_event import NoticeCode


@pytest.mark.parametrize("code", NoticeCode)
def test_every_code_has_a_sentence(code: NoticeCode, now: datetime) -> None:
    """With the names of the event in it."""
    message = notice(UserEvent(1, 7, now, code.value, {"name": "bot"}))

    assert (7, code) == (message.event, message.code)
    assert message.message.endswith(".")
    assert ("bot" in message.message) == code.startswith("TOKEN")
    assert message.at.endswith("Z")


def test_a_code_of_a_newer_version(now: datetime) -> None:
    """It is shown as another change, so that the number is not missing."""
    message = notice(UserEvent(1, 7, now, "NEWER", {}))

    assert (7, NoticeCode.OTHER) == (message.event, message.code)


def test_who_loses_access_is_noticed(app: Flask, now: datetime) -> None:
    """A new password and a disabled account end all logins and tokens."""
    with app.app_context():
        user = create_user("a@example.com", "correct horse", Role.CLIENT, now)
        user_id = user.id
        change_password(user, "battery staple", now)
        set_active(user, False, now)
        set_active(user, True, now)
        with transaction():
            user_event.add(user_id, NoticeCode.TOKEN_CREATED, now, name="bot")
        codes = [event.code for event in events_after(user_id, 0, 10)]

    assert ["ACCESS_REVOKED", "ACCESS_REVOKED", "TOKEN_CREATED"] == codes
