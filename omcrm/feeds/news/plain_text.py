"""Converts markup of a feed to plain text: no tags, no control characters, bounded length."""

import html
import re
import unicodedata

import nh3

# Longer texts are whole articles, of which the beginning is enough.
_LONGEST_RAW = 8_000
# These occur inside of words; all other tags separate words.
_INLINE = frozenset(
    ("a", "abbr", "b", "code", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup")
)
_SEPARATING = nh3.ALLOWED_TAGS - _INLINE
_TAG = re.compile(r"<[^>]*>")
_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
# Invisible, but needed by some scripts and emoji.
_JOINERS = "\u200c\u200d"
_CUT = "…"


def plain(text: str, longest: int) -> str:
    """`text` without markup, its entities decoded once, at most `longest` characters of it.

    What looks like a tag after that is removed, too: nothing in the result can open one.
    """
    text = _without_tags(text[:_LONGEST_RAW])
    # After that: an invisible character between a bracket and its letter is removed only here.
    text = _visible(" ".join(text.split()))
    if _OPENING.search(text):
        text = _OPENING.sub("", _without_tags(text))
    return _cut(" ".join(text.split()), longest)


def _without_tags(text: str) -> str:
    cleaned = nh3.clean(text, tags=_SEPARATING, attributes={}, link_rel=None)
    # No other bracket is left than those of tags.
    return html.unescape(_TAG.sub(" ", cleaned))


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return " ".join("".join(map(_shown, text)).split())


def _shown(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    return " " if char.isspace() or unicodedata.category(char) == "Cc" else ""


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    words, space, _ = head.rpartition(" ")
    return (words if space and len(words) > longest // 2 else head).rstrip() + _CUT
