"""What a feed's status is made of: its message rate, and texts and problems without secrets."""

import re
from collections.abc import Callable

from msgspec import structs

from omcrm.market.feed_event import FeedProblem


class Meter:
    """Counts messages and measures their present rate; one thread counts."""

    def __init__(self) -> None:
        self.total = 0
        self._rate = 0.0
        self._began: float | None = None
        self._counted = 0

    def rate(self, now: float) -> float:
        """Messages a second since the last measurement, which is at least a second ago."""
        if self._began is None:
            self._began, self._counted = now, self.total
        elif now - self._began >= 1.0:
            self._rate = (self.total - self._counted) / (now - self._began)
            self._began, self._counted = now, self.total
        return self._rate


_SECRET = re.compile(r"(?i)((?:token|key|apikey|api_key|secret|auth)=)[^&\s]+|(//)[^/@\s]+(?=@)")


def without_secrets(problem: FeedProblem, hide: Callable[[str], str]) -> FeedProblem:
    """The problem without secrets: an upstream may repeat a key."""
    detail = problem.figures.detail
    if detail is None:
        return problem
    figures = structs.replace(problem.figures, detail=masked(hide(detail)))
    return structs.replace(problem, figures=figures)


def masked(text: str) -> str:
    """`text` without the secrets that URLs hold: query tokens and user names."""
    return _SECRET.sub(lambda match: f"{match[1] or match[2]}***", text)
