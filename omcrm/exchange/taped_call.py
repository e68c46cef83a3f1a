"""Calls as they were recorded: what was asked, and what was answered."""

import re
from collections.abc import Iterable

from msgspec import Struct

CALL = re.compile(rb"(\d{3}) (\d+|-) (/\S*) (.*)", re.DOTALL)
# What stands for a key in a question that was recorded.
HIDDEN = re.escape("***")


class TapedCall(Struct, frozen=True, gc=False):
    """One call; `status` is 0 where no answer came, `wait` what `Retry-After` said, if anything.

    `question` is path and query, with `***` for keys; empty where it was not recorded.
    """

    body: bytes
    status: int = 200
    wait: str = ""
    question: str = ""

    @classmethod
    def read(cls, frame: bytes) -> "TapedCall":
        """Read a frame of a tape: `<status> <Retry-After or -> <path and query> <body>`.

        A body alone answers every question.
        """
        if not (found := CALL.fullmatch(frame)):
            return cls(frame)
        status, wait, question, body = found.groups()
        return cls(body, int(status), wait.decode().strip("-"), question.decode("latin-1"))


class Answers:
    """What calls at `venue` get: the newest answer so far; before the first one, the first.

    `firsts` are those, in order. `by_question` tells that an answer does not say what it is about:
    then each question has its own.
    """

    def __init__(self, venue: str, firsts: Iterable[TapedCall], by_question: bool) -> None:
        self._folder = f"/{venue}"
        self._by_question = by_question
        self._known: dict[re.Pattern[str], TapedCall] = {}
        # The newest stands at the end.
        for call in reversed([*firsts]):
            self.take(call)

    def take(self, call: TapedCall) -> None:
        """Answer with this one from now on."""
        pattern = self._pattern(call.question)
        self._known.pop(pattern, None)
        self._known[pattern] = call

    def to(self, target: str) -> TapedCall | None:
        """The answer to what is asked with this path and query below the venue's; None for none."""
        newest_first = reversed(self._known.items())
        return next((call for pattern, call in newest_first if pattern.fullmatch(target)), None)

    def _pattern(self, question: str) -> re.Pattern[str]:
        if not question or not self._by_question:
            return re.compile(r".*")
        if question.startswith(f"{self._folder}/"):
            question = question.removeprefix(self._folder)
        return re.compile(re.escape(question).replace(HIDDEN, r"[^/&]*"))
