"""Links of news: only to the web, spelled so that they are safe to pass on."""

from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

_LONGEST = 2000
# What a URL may hold; all else, quotes and angle brackets too, is written by its number.
_SAFE = "%/:=&?~#+!$,;@()*[]"
_PORTS = {"http": 80, "https": 443}


def web_link(text: str, base: str = "") -> str | None:
    """The link that `text` is, without `utm_` parameters; None for what does not lead to the web.

    A relative one is seen from the host of `base`, whose path and query may hold a key.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST or "\\" in text or not text.isprintable():
        return None
    try:
        own = urlsplit(text)
        if (own.scheme or text.startswith("//")) and not own.netloc:
            return None
        parts = _split(urljoin(_host_of(base), text))
    except ValueError:
        return None
    if parts is None:
        return None
    kept = [part for part in parts.query.split("&") if not part.lower().startswith("utm_")]
    link = urlunsplit(parts._replace(query="&".join(kept)))
    return link if len(link) <= _LONGEST else None


def link_identity(link: str) -> str:
    """The same text for links that differ only in scheme, a slash at the end, or the fragment."""
    parts = urlsplit(link)
    return f"//{parts.netloc}{parts.path.rstrip('/')}?{parts.query}"


def _host_of(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}/" if parts.netloc else ""


def _split(url: str) -> SplitResult | None:
    parts = urlsplit(url)
    # A user name makes a link look as if it led elsewhere.
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = parts.hostname
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = host.encode("idna").decode()
    # Also where `port` raises: it is no port then.
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return SplitResult(
        parts.scheme,
        quote(f"{host}{port}", safe="[]:"),
        quote(parts.path, safe=_SAFE),
        quote(parts.query, safe=_SAFE),
        quote(parts.fragment, safe=_SAFE),
    )
