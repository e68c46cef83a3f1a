"""Converts markup of a feed to plain text: no tags, no control characters, bounded length."""

import html
import re
import unicodedata

# Longer texts are whole articles, of which the beginning is enough.
_LONGEST_RAW = 8_000
# Both also match up to the end of the text, so that nothing is searched twice.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.I)
_TAG = re.compile(r"</?([a-zA-Z]+)[^<>]*(?:>|\Z)|<[/!?][^<>]*(?:>|\Z)")
_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
# `html.unescape` fails on numbers of thousands of digits.
_ENDLESS_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
# These occur inside of words; all other tags separate words.
_INLINE = frozenset(
    ("a", "abbr", "b", "code", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup")
)
# Invisible, but needed by some scripts and emoji.
_JOINERS = "\u200c\u200d"
_CUT = "…"


def plain(text: str, longest: int) -> str:
    """`text` without markup, its entities decoded once, at most `longest` characters of it.

    What looks like a tag after that is removed, too: nothing in the result can open one.
    """
    text = _HIDDEN.sub(" ", text[:_LONGEST_RAW])
    text = html.unescape(_ENDLESS_NUMBER.sub("", _without_tags(text)))
    # After that: an invisible character between a bracket and its letter is removed only here.
    text = _without_tags(_visible(" ".join(text.split())))
    return _cut(" ".join(_OPENING.sub("", text).split()), longest)


def _without_tags(text: str) -> str:
    return _TAG.sub(lambda tag: "" if (tag[1] or "").lower() in _INLINE else " ", text)


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
