"""Reads the XML of a feed into drafts of its items; rejects document types and entities.

RSS 2.0 and older, RSS 1.0 (RDF) and Atom differ in names only, so one reader reads them all.
"""

import codecs
import re
from collections.abc import Mapping
from html.entities import html5
from xml.parsers import expat

MOST_ITEMS = 200
_LONGEST_TEXT = 8_000
_DEEPEST = 64
_ROOTS = ("rss", "RDF", "feed")
_RDF_ABOUT = "http://www.w3.org/1999/02/22-rdf-syntax-ns# about"
_CORE, _MEDIA = "", "media"
_NAMESPACES: Mapping[str, str] = {
    "": _CORE,
    "http://www.w3.org/2005/Atom": _CORE,
    "http://purl.org/atom/ns#": _CORE,
    "http://purl.org/rss/1.0/": _CORE,
    "http://my.netscape.com/rdf/simple/0.9/": _CORE,
    "http://backend.userland.com/rss2": _CORE,
    "http://backend.userland.com/RSS2": _CORE,
    "http://blogs.law.harvard.edu/tech/rss": _CORE,
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://search.yahoo.com/mrss/": _MEDIA,
    "http://search.yahoo.com/mrss": _MEDIA,
}
_FIELDS: Mapping[tuple[str, str], str] = {
    (_CORE, "title"): "title",
    (_CORE, "link"): "link",
    (_CORE, "guid"): "id",
    (_CORE, "id"): "id",
    (_CORE, "pubDate"): "published",
    (_CORE, "published"): "published",
    (_CORE, "issued"): "published",
    ("dc", "date"): "published",
    (_CORE, "updated"): "updated",
    (_CORE, "modified"): "updated",
    (_CORE, "description"): "summary",
    (_CORE, "summary"): "summary",
    (_CORE, "content"): "content",
    ("content", "encoded"): "content",
}
_IMAGE_NAME = re.compile(r"(?i)\.(?:jpe?g|png|webp|gif|avif)\Z")


class MalformedFeed(ValueError):
    """The bytes are no feed; the message describes what is wrong."""


class _Enough(Exception):
    """The largest number of items is read."""


class Draft:
    """One item of the document: texts by field, each the first that is not empty."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def note(self, field: str, text: str) -> None:
        """Keep a text, unless the field has one."""
        if text.strip():
            self.texts.setdefault(field, text.strip())


class Document:
    """The result of reading: the feed's own title, its items in their order."""

    def __init__(self) -> None:
        self.title = ""
        self.drafts: list[Draft] = []

    def read(self, body: bytes) -> None:
        """Read a whole document; raises MalformedFeed, and keeps what precedes the mistake."""
        try:
            _Reader(self).read(decoded(body))
        except _Enough:
            return
        except expat.ExpatError as error:
            raise MalformedFeed(f"not well-formed: {error}") from None


class _Reader:
    """Handles the elements of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._path: list[str] = []
        self._draft: Draft | None = None
        self._item_depth = 0
        self._field = ""
        self._field_depth = 0
        self._parts: list[str] = []
        self._length = 0

    def read(self, text: str) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        # Entities can be declared nowhere else: none is ever expanded or fetched.
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.EntityDeclHandler = _refuse_document_type
        parser.Parse(text, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        family = _NAMESPACES.get(namespace)
        if not self._path and local not in _ROOTS:
            raise MalformedFeed(f"neither RSS nor Atom: its root is {local[:40]!r}")
        if len(self._path) >= _DEEPEST:
            raise MalformedFeed("nested too deeply")
        self._path.append(local)
        if self._field:
            # Markup inside of a text: its content belongs to the text.
            self._parts.append(" ")
        elif self._draft is not None:
            self._start_in_item(self._draft, family, local, attributes)
        elif family == _CORE and local in ("item", "entry"):
            self._begin_item(attributes)
        elif (family, local) == (_CORE, "title") and self._path[-2] in ("channel", "feed"):
            self._begin_text("title")

    def _begin_item(self, attributes: dict[str, str]) -> None:
        if len(self._document.drafts) >= MOST_ITEMS:
            raise _Enough
        self._draft, self._item_depth = Draft(), len(self._path)
        self._draft.note("id", attributes.get(_RDF_ABOUT, ""))
        self._document.drafts.append(self._draft)

    def _start_in_item(
        self, draft: Draft, family: str | None, local: str, attributes: dict[str, str]
    ) -> None:
        if image := _image(family, local, attributes):
            draft.note("image", image)
        if len(self._path) != self._item_depth + 1 or family is None:
            return
        if local == "guid" and attributes.get("isPermaLink") != "false":
            draft.note("id_is_link", "yes")
        field = _FIELDS.get((family, local))
        if field == "link" and "href" in attributes:
            if attributes.get("rel", "alternate") == "alternate":
                draft.note("link", attributes["href"])
        elif field is not None:
            self._begin_text(field)

    def _begin_text(self, field: str) -> None:
        self._field, self._field_depth = field, len(self._path)
        self._parts, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._field and self._length < _LONGEST_TEXT:
            self._length += len(text)
            self._parts.append(text)

    def _end(self, _: str) -> None:
        depth = len(self._path)
        self._path.pop()
        if self._field and depth == self._field_depth:
            text, field = "".join(self._parts), self._field
            self._field = ""
            if self._draft is not None:
                self._draft.note(field, text)
            elif not self._document.title:
                self._document.title = text.strip()
        if self._draft is not None and depth == self._item_depth:
            self._draft = None


def _refuse_document_type(*_: object) -> None:
    raise MalformedFeed("it has a document type, which feeds need not have")


def _image(family: str | None, local: str, attributes: dict[str, str]) -> str:
    """The address of the image that an element names; empty for other elements."""
    kind = attributes.get("type", "") or attributes.get("medium", "")
    if family == _MEDIA and local in ("thumbnail", "content"):
        address = attributes.get("url", "")
        known = local == "thumbnail" or kind.startswith("image")
        return address if known or (not kind and _IMAGE_NAME.search(address)) else ""
    if family == _CORE and local == "enclosure" and kind.startswith("image"):
        return attributes.get("url", "")
    if family == _CORE and attributes.get("rel") == "enclosure" and kind.startswith("image"):
        return attributes.get("href", "")
    return ""


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
