import json

import pytest

from simulator.refusal import RefusedError, handshake_refusal, weight_exceeded


def test_an_error_has_code_and_words() -> None:
    """REST errors are 400 with Binance's code and message."""
    answer = RefusedError(-1121, "Invalid symbol.").answer

    assert (400, {"code": -1121, "msg": "Invalid symbol."}) == (
        answer.status,
        json.loads(answer.body),
    )


def test_too_much_weight_has_a_time_to_wait() -> None:
    """A 429 has Retry-After and -1003."""
    answer = weight_exceeded(17)

    assert (429, "17", -1003) == (
        answer.status,
        answer.headers["Retry-After"],
        json.loads(answer.body)["code"],
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(429, "Too much request weight"), (418, "IP banned until"), (451, "restricted location"),
     (503, "<h1>503</h1>"), (401, "<h1>401</h1>")],
)  # fmt: skip
def test_every_refusal_has_its_body(status: int, words: str) -> None:
    """Handshakes are refused in Binance's form for the status."""
    answer = handshake_refusal(status, 30)

    assert words in answer.body.decode()
    assert {"Retry-After": "30"} == answer.headers
    assert {} == handshake_refusal(status, None).headers
