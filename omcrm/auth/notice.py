"""The sentences of notices to users about their logins and tokens."""

from omcrm.storage.user_event import UserEvent
from omcrm.wire.encoding import iso
from omcrm.wire.user_event import NoticeCode, UserNotice

# No network address: a program with a token of few scopes reads them, too.
_SENTENCES = {
    NoticeCode.LOGIN_CREATED: "Somebody logged in to your account.",
    NoticeCode.LOGIN_ENDED: "A login to your account was ended.",
    NoticeCode.TOKEN_CREATED: "The API token {name} was created.",
    NoticeCode.TOKEN_REVOKED: "The API token {name} was revoked.",
    NoticeCode.ACCESS_REVOKED: "All logins and API tokens of your account were ended.",
    NoticeCode.OTHER: "Your account was changed.",
}


_CODES = {code.value: code for code in NoticeCode}


def notice(event: UserEvent) -> UserNotice:
    """The message of a stored notice."""
    # A newer version may have written codes that this one does not know.
    code = _CODES.get(event.code, NoticeCode.OTHER)
    sentence = _SENTENCES[code].format_map(event.details)
    return UserNotice(event=event.number, code=code, message=sentence, at=iso(event.at))
