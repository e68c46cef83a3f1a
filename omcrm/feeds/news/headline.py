"""Whether two headlines are the same but for their spelling."""

import re

from msgspec import Struct

_CUT = ("…", "...")
# A beginning of so many words is not shared by chance.
_TELLING = 6
_FEWEST_LEFT, _MOST_NAMED = 4, 3
_PREFIX = re.compile(r"\A(?:breaking(?: news)?|update(?: \d+)?|updated|exclusive)\s*[-:–—]\s*")
_SUFFIX = re.compile(r"\s[-|–—]\s([^-|–—\d]+)\Z")
# Points and apostrophes inside of words, not those of numbers.
_INSIDE = re.compile(r"(?<!\d)[.'’]|[.'’](?!\d)")
_WORD = re.compile(r"[-+]?\d[\d.,]*%?|[^\W\d_]+")
_ARTICLES = frozenset(("a", "an", "the"))


class HeadlineWords(Struct, frozen=True):
    """The words that make a headline; `is_cut` where it ends in the middle."""

    words: tuple[str, ...]
    is_cut: bool = False

    def matches(self, other: "HeadlineWords") -> bool:
        """Whether both tell the same, one of them perhaps not to its end."""
        if self.words == other.words:
            return bool(self.words)
        short, long = sorted((self, other), key=lambda title: len(title.words))
        return (
            short.is_cut
            and len(short.words) >= _TELLING
            and long.words[: len(short.words)] == short.words
        )


def headline(title: str) -> HeadlineWords:
    """The words of a title, without articles, a publisher's name at its end, and words of alarm."""
    is_cut = title.endswith(_CUT)
    text = _PREFIX.sub("", title.casefold())
    for _ in range(2):
        text = _without_publisher(text)
    words = [word for word in _WORD.findall(_INSIDE.sub("", text)) if word not in _ARTICLES]
    return HeadlineWords(tuple(words), is_cut)


def _without_publisher(text: str) -> str:
    found = _SUFFIX.search(text)
    if found is None or len(found[1].split()) > _MOST_NAMED:
        return text
    rest = text[: found.start()]
    return rest if len(rest.split()) >= _FEWEST_LEFT else text
