import json

import pytest

from omcrm.streaming.engine_answer import DONE, UNAUTHORIZED, refusal


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Transport unknown", 0),
        ("Session ID unknown", 1),
        ("Bad handshake method", 2),
        ("Bad request", 3),
        ("Unsupported protocol version", 5),
        ("anything else", 3),
    ],
)
def test_refusals_have_the_codes_of_the_protocol(message: str, number: int) -> None:
    """Programs read the code, people the message."""
    answer = refusal(message)

    assert "400 Bad Request" == answer.status
    assert {"code": number, "message": message} == json.loads(answer.body)


def test_other_answers() -> None:
    """DONE is `ok`; a client that is not accepted gets 401."""
    assert (b"ok", "200 OK") == (DONE.body, DONE.status)
    assert "401 Unauthorized" == UNAUTHORIZED.status
