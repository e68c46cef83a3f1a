import pytest

from simulator.recorded_call import RecordedAnswers, RecordedCall


def call(question: str, body: str, status: int = 200) -> RecordedCall:
    return RecordedCall(body.encode(), status, question=question)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'200 - /a?b=c {"d": 1}', RecordedCall(b'{"d": 1}', 200, "", "/a?b=c")),
        (b"429 60 /a slow down ", RecordedCall(b"slow down ", 429, "60", "/a")),
        (b"000 - /a ", RecordedCall(b"", 0, "", "/a")),
        (b"502 - / <h1>\xff", RecordedCall(b"<h1>\xff", 502, "", "/")),
        (b'{"d": 1}', RecordedCall(b'{"d": 1}')),
        (b"", RecordedCall(b"")),
        (b"200 OK", RecordedCall(b"200 OK")),
        (b"20 - /a b", RecordedCall(b"20 - /a b")),
    ],
)
def test_a_frame_is_a_call_or_a_body(frame: bytes, expected: RecordedCall) -> None:
    """Every frame can be read."""
    assert expected == RecordedCall.read(frame)


def test_every_question_gets_its_newest_answer() -> None:
    """Before the first one the first; an unrecorded question gets none."""
    firsts = [call("/q?s=A", "a1"), call("/q?s=B", "b1")]
    answers = RecordedAnswers("finnhub", firsts, by_question=True)
    answers.take(call("/q?s=A", "a2", 429))

    assert call("/q?s=A", "a2", 429) == answers.to("/q?s=A")
    assert call("/q?s=B", "b1") == answers.to("/q?s=B")
    assert None is answers.to("/q?s=C")
    assert None is answers.to("/q?s=A&t=1")


def test_the_newest_answers_every_question() -> None:
    """Where an answer names its subject."""
    answers = RecordedAnswers("coingecko", [call("/p?ids=a", "1")], by_question=False)
    before = answers.to("/p?ids=b")
    answers.take(call("/p?ids=c", "2"))

    assert (call("/p?ids=a", "1"), call("/p?ids=c", "2")) == (before, answers.to("/p?ids=b"))
    assert None is RecordedAnswers("coingecko", [], by_question=False).to("/p")


def test_keys_and_the_providers_folder_are_ignored() -> None:
    """A hidden key matches any key; the provider's folder is optional."""
    hidden = call("/v6/***/USD?k=***&b=1.0", "1")
    answers = RecordedAnswers("finnhub", [hidden, call("/finnhub/api/q", "2")], by_question=True)

    assert hidden == answers.to("/v6/abc/USD?k=x-y&b=1.0")
    assert None is answers.to("/v6/abc/USD?k=x&b=1x0")
    assert None is answers.to("/v6/abc/d/USD?k=x&b=1.0")
    assert call("/finnhub/api/q", "2") == answers.to("/api/q")


def test_a_body_without_a_question_answers_all() -> None:
    """Until a newer answer to the same question comes."""
    answers = RecordedAnswers("finnhub", [RecordedCall(b"1")], by_question=True)
    answers.take(call("/q?s=A", "2"))

    assert (call("/q?s=A", "2"), RecordedCall(b"1")) == (answers.to("/q?s=A"), answers.to("/q?s=B"))
