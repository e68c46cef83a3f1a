"""Reads the XML of a feed, of any kind that feedparser knows; rejects document types and entities.

Only feedparser's strict parser is used. Its other one, for what is not well-formed, raises for some
bytes and takes minutes for others.
"""

import codecs
import re
from collections.abc import Callable, Mapping
from html.entities import html5
from typing import Any
from xml.sax import SAXException, SAXParseException, make_parser
from xml.sax.handler import (
    LexicalHandler,
    feature_external_ges,
    feature_namespaces,
    property_lexical_handler,
)

from feedparser.api import StrictFeedParser

from omcrm.feeds.provider import BAD_FRAME

MOST_ITEMS = 200
# Other green threads run after each such piece.
_PIECE = 4096
# Feeds have far fewer; for more of them feedparser would take too long.
_DEEPEST, _MOST_NAMESPACES, _MOST_TEXTS = 64, 100, 50_000


class MalformedFeed(ValueError):
    """The bytes are no feed; the message describes what is wrong."""


class Document:
    """The result of reading: the feed's own title, its items in their order, as feedparser names
    their parts."""

    def __init__(self) -> None:
        self.title = ""
        self.entries: list[Mapping[str, Any]] = []

    def read(self, body: bytes, pause: Callable[[], None] = lambda: None) -> None:
        """Read a whole document; raises MalformedFeed, and keeps what precedes the mistake.

        `pause` is called now and then, so that other green threads can run.
        """
        content = StrictFeedParser("", None, "utf-8")
        content.sanitize_html = content.resolve_relative_uris = False
        try:
            _parse(decoded(body), content, pause)
        except (SAXException, *BAD_FRAME) as error:
            # What follows the last item that is read does not matter.
            if len(content.entries) <= MOST_ITEMS:
                raise _problem(error) from None
        finally:
            self._keep(content)
        if not content.version:
            raise MalformedFeed("neither RSS nor Atom")

    def _keep(self, content: Any) -> None:
        if content.version:
            self.title = text(content.feeddata, "title")
            # A plain one: feedparser's gives other keys' values for some that are missing.
            self.entries = [dict(entry) for entry in content.entries[:MOST_ITEMS]]


def text(entry: Mapping[str, Any], name: str) -> str:
    """A text of an entry, empty where there is none."""
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def parts(entry: Mapping[str, Any], name: str) -> list[Mapping[str, str]]:
    """A list in an entry: its contents, links or images, each with its attributes."""
    # An unknown element of that name would be something else.
    value = entry.get(name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _parse(characters: str, content: Any, pause: Callable[[], None]) -> None:
    # The expat that comes with Python: others would not take a document in pieces.
    parser: Any = make_parser(["xml.sax.expatreader"])  # noqa: S317 - it expands no entity
    parser.setFeature(feature_namespaces, True)
    parser.setFeature(feature_external_ges, False)
    parser.setProperty(property_lexical_handler, _NoDocumentType())
    parser.setContentHandler(content)
    parser.setErrorHandler(content)
    for begin in range(0, len(characters), _PIECE):
        parser.feed(characters[begin : begin + _PIECE])
        if len(content.entries) > MOST_ITEMS:
            return
        if content.depth > _DEEPEST:
            raise MalformedFeed("nested too deeply")
        texts = len(content.elementstack[-1][2]) if content.elementstack else 0
        if len(content.namespaces_in_use) > _MOST_NAMESPACES or texts > _MOST_TEXTS:
            raise MalformedFeed("of too many parts")
        pause()
    parser.close()


class _NoDocumentType(LexicalHandler):
    """Entities can be declared nowhere else: none is ever expanded or fetched."""

    def startDTD(self, *_: object) -> None:  # noqa: N802
        raise MalformedFeed("it has a document type, which feeds need not have")


def _problem(error: Exception) -> MalformedFeed:
    if isinstance(error, MalformedFeed):
        return error
    if isinstance(error, SAXParseException):
        place = f"line {error.getLineNumber()}, column {error.getColumnNumber()}"
        return MalformedFeed(f"not well-formed: {error.getMessage()}: {place}")
    return MalformedFeed(f"not well-formed: {type(error).__name__}")


# From bytes to characters

_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})")
# Python's other codecs are no text encodings, or slow.
_ENCODINGS = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5"
    r"|shift_jis|euc_(jp|kr)|mac-roman"
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# All but those that XML defines itself.
_REFERENCE = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)"
    r"(?:#([0-9]{1,10})|#[xX]([0-9a-fA-F]{1,8})|([A-Za-z][A-Za-z0-9]{1,31}));"
)


def decoded(body: bytes) -> str:
    """The characters of a document, also where its declared encoding is wrong."""
    text = _characters_of(body).lstrip("\ufeff \t\r\n")
    return _REFERENCE.sub(_reference, _NO_XML.sub("", text))


def _characters_of(body: bytes) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if body[:2] in (b"<\0", b"\0<"):
        return body.decode("utf-16-le" if body[1] == 0 else "utf-16-be", "replace")
    encoding = _declared(body)
    # Programs with UTF-16 strings declare UTF-16 and then write UTF-8.
    if encoding == "utf-8" or encoding.startswith("utf-16"):
        return _utf_8(body)
    return body.decode(encoding, "replace")


def _declared(body: bytes) -> str:
    match = _DECLARED.match(body)
    try:
        name = codecs.lookup(match[1].decode()).name if match else "utf-8"
    except LookupError:
        return "utf-8"
    return name if _ENCODINGS.fullmatch(name) else "utf-8"


def _utf_8(body: bytes) -> str:
    """The text as UTF-8, or as Windows-1252 where most of its non-ASCII bytes are no UTF-8."""
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if not wrong:
        return text
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return text if right >= wrong else body.decode("cp1252", "replace")


def _reference(match: re.Match[str]) -> str:
    """HTML's named references as numeric ones; empty for characters that XML does not allow."""
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        characters = html5.get(f"{name};")
        return (
            match[0]
            if characters is None
            else "".join(f"&#{ord(character)};" for character in characters)
        )
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if number > 0x10FFFF or _NO_XML.match(chr(number)):
        return ""
    return match[0]
