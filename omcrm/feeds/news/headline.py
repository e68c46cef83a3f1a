"""Compares headlines without regard to their spelling."""

import re

from msgspec import Struct

_CUT = ("…", "...")
# Two headlines do not share a beginning of so many words by chance.
_SHARED_WORDS = 6
_FEWEST_LEFT, _MOST_NAMED = 4, 3
_PREFIX = re.compile(r"\A(?:breaking(?: news)?|update(?: \d+)?|updated|exclusive)\s*[-:–—]\s*")
_SUFFIX = re.compile(r"\s[-|–—]\s([^-|–—\d]+)\Z")
# Points and apostrophes inside of words, not inside of numbers.
_INSIDE = re.compile(r"(?<!\d)[.'’]|[.'’](?!\d)")
_WORD = re.compile(r"[-+]?\d[\d.,]*%?|[^\W\d_]+")
_ARTICLES = frozenset(("a", "an", "the"))


class HeadlineWords(Struct, frozen=True):
    """The words of a headline; `is_cut` where its end is missing."""

    words: tuple[str, ...]
    is_cut: bool = False

    def matches(self, other: "HeadlineWords") -> bool:
        """Whether both are the same headline, one of them possibly cut."""
        if self.words == other.words:
            return bool(self.words)
        short, long = sorted((self, other), key=lambda title: len(title.words))
        return (
            short.is_cut
            and len(short.words) >= _SHARED_WORDS
            and long.words[: len(short.words)] == short.words
        )


def headline(title: str) -> HeadlineWords:
    """The words of a title, without articles, a publisher's name at its end, and "breaking"."""
    is_cut = title.endswith(_CUT)
    text = _PREFIX.sub("", title.casefold())
    for _ in range(2):
        text = _without_publisher(text)
    words = [word for word in _WORD.findall(_INSIDE.sub("", text)) if word not in _ARTICLES]
    return HeadlineWords(tuple(words), is_cut)


def _without_publisher(text: str) -> str:
    suffix = _SUFFIX.search(text)
    if suffix is None or len(suffix[1].split()) > _MOST_NAMED:
        return text
    rest = text[: suffix.start()]
    return rest if len(rest.split()) >= _FEWEST_LEFT else text
