"""The last hour of a symbol as timelines: when each source was active, with which class."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.feeds.registry import LABELS
from omcrm.market.explanation import Explanation
from omcrm.market.price_class import PriceClass

HOUR = timedelta(hours=1)


class Segment(Struct, frozen=True):
    """A time in which one source was active with one class; `start` and `length` in seconds."""

    began: datetime
    source: str
    price_class: PriceClass
    start: float
    length: float

    @property
    def ended(self) -> datetime:
        return self.began + timedelta(seconds=self.length)


class SourceTimeline(Struct, frozen=True):
    """When one source was active in the hour, and for how long with each class, in words."""

    label: str
    segments: tuple[Segment, ...]
    summary: str


def segments(explanation: Explanation) -> list[Segment]:
    """The hour before the explanation, oldest first; nothing where no price was shown yet."""
    began, history = explanation.at - HOUR, explanation.history
    ends = [*(change.since for change in history[1:]), explanation.at]
    return [
        Segment(
            start,
            change.source,
            change.price_class,
            (start - began).total_seconds(),
            (end - start).total_seconds(),
        )
        for change, end in zip(history, ends, strict=False)
        if (start := max(change.since, began)) < end
    ]


def timelines(explanation: Explanation) -> list[SourceTimeline]:
    """A timeline for each source that was active in the hour, in the policy's order."""
    by_source: dict[str, list[Segment]] = {state.source: [] for state in explanation.sources}
    for segment in segments(explanation):
        by_source.setdefault(segment.source, []).append(segment)
    return [
        SourceTimeline(source_label(source), tuple(own), ", ".join(_durations(own)))
        for source, own in by_source.items()
        if own
    ]


def source_label(source: str) -> str:
    """The name of a source on pages."""
    return LABELS.get(source, source)


def in_words(seconds: float) -> str:
    """A length of time: "0.3 s", "12 s", "59 min 3 s", "3 h 5 min", "7 d 2 h"."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    units = ((whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"))
    sizes = [*units, (whole % 60, "s")]
    first = next(place for place, (size, _) in enumerate(sizes) if size)
    return " ".join(f"{size} {unit}" for size, unit in sizes[first : first + 2] if size)


def _durations(own: list[Segment]) -> Iterator[str]:
    total: dict[PriceClass, float] = {}
    for segment in own:
        total[segment.price_class] = total.get(segment.price_class, 0.0) + segment.length
    for price_class, seconds in total.items():
        yield f"{price_class.value.replace('_', ' ')} {in_words(seconds)}"
