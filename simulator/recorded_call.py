"""Recorded calls: the question and its answer."""

import re
from collections.abc import Iterable

from msgspec import Struct

CALL = re.compile(rb"(\d{3}) (\d+|-) (/\S*) (.*)", re.DOTALL)
# Replaces a key in a recorded question.
HIDDEN = re.escape("***")


class RecordedCall(Struct, frozen=True, gc=False):
    """One call; `status` is 0 where no answer came, `wait` is the `Retry-After`, if any.

    `question` is path and query, with `***` for keys; empty where it was not recorded.
    """

    body: bytes
    status: int = 200
    wait: str = ""
    question: str = ""

    @classmethod
    def read(cls, frame: bytes) -> "RecordedCall":
        """Parse a recorded frame: `<status> <Retry-After or -> <path and query> <body>`.

        A body alone answers every question.
        """
        if not (match := CALL.fullmatch(frame)):
            return cls(frame)
        status, wait, question, body = match.groups()
        return cls(body, int(status), wait.decode().strip("-"), question.decode("latin-1"))


class RecordedAnswers:
    """The answers to calls at `provider`: the newest one so far; before the first, the first one.

    `firsts` are the first recorded calls, in order. With `by_question` an answer does not name what
    it is about, and each question has answers of its own.
    """

    def __init__(self, provider: str, firsts: Iterable[RecordedCall], by_question: bool) -> None:
        self._folder = f"/{provider}"
        self._by_question = by_question
        self._known: dict[re.Pattern[str], RecordedCall] = {}
        # The newest is last.
        for call in reversed([*firsts]):
            self.take(call)

    def take(self, call: RecordedCall) -> None:
        """Use this call's answer from now on."""
        pattern = self._pattern(call.question)
        self._known.pop(pattern, None)
        self._known[pattern] = call

    def to(self, target: str) -> RecordedCall | None:
        """Return the call for this path and query below the provider's; None where there is
        none."""
        newest_first = reversed(self._known.items())
        return next((call for pattern, call in newest_first if pattern.fullmatch(target)), None)

    def _pattern(self, question: str) -> re.Pattern[str]:
        if not question or not self._by_question:
            return re.compile(r".*")
        if question.startswith(f"{self._folder}/"):
            question = question.removeprefix(self._folder)
        return re.compile(re.escape(question).replace(HIDDEN, r"[^/&]*"))
