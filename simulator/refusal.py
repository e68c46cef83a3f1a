"""The errors of Binance's REST interface and of refused handshakes."""

import time
from typing import Any

from simulator.http import HttpAnswer, json_answer

TEAPOT_BAN, TOO_MANY, RESTRICTED = 418, 429, 451
LIMIT_BROKEN = (
    "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)
FROM_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you "
    "received this message in error."
)


class RefusedError(Exception):
    """A refused REST call; `code` and message are Binance's."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def answer(self) -> HttpAnswer:
        """The HTTP answer."""
        return json_answer({"code": self.code, "msg": self.message}, self.status)


def weight_exceeded(wait: int) -> HttpAnswer:
    """Return the answer to a call above the weight limit."""
    headers = {"Retry-After": str(wait)}
    return json_answer({"code": -1003, "msg": LIMIT_BROKEN}, TOO_MANY, headers)


def handshake_refusal(status: int, retry_after: int | None) -> HttpAnswer:
    """Return the answer that refuses a handshake, in Binance's form for `status`."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = _body(status, retry_after or 0)
    if isinstance(body, bytes):
        return HttpAnswer(status, body, headers, content_type="text/html")
    return json_answer(body, status, headers)


def _body(status: int, wait: int) -> dict[str, Any] | bytes:
    if status == TOO_MANY:
        return {"code": -1003, "msg": LIMIT_BROKEN}
    if status == TEAPOT_BAN:
        until = int((time.time() + wait) * 1000)
        ban = f"Way too much request weight used; IP banned until {until}."
        return {"code": -1003, "msg": ban}
    if status == RESTRICTED:
        return {"code": 0, "msg": FROM_RESTRICTED}
    return b"<html><body><h1>%d</h1></body></html>" % status
