"""Links of news: only http and https, quoted so that they are safe in HTML."""

from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

_LONGEST = 2000
# The characters a URL may have; all others, quotes and angle brackets too, are percent-encoded.
_SAFE = "%/:=&?~#+!$,;@()*[]"
_PORTS = {"http": 80, "https": 443}


def web_link(text: str, base: str = "") -> str | None:
    """The link in `text`, without `utm_` parameters; None for what is no http or https URL.

    A relative one is resolved against the host of `base` only, whose path and query may hold a key.
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
    kept = [pair for pair in parts.query.split("&") if not pair.lower().startswith("utm_")]
    link = urlunsplit(parts._replace(query="&".join(kept)))
    return link if len(link) <= _LONGEST else None


def link_identity(link: str) -> str:
    """A text that is the same for links that differ only in scheme, final slash or fragment."""
    parts = urlsplit(link)
    return f"//{parts.netloc}{parts.path.rstrip('/')}?{parts.query}"


def _host_of(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}/" if parts.netloc else ""


def _split(url: str) -> SplitResult | None:
    parts = urlsplit(url)
    # A user name makes a link look as if it led to another host.
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = parts.hostname
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = host.encode("idna").decode()
    # `port` raises ValueError for an invalid port, too.
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return SplitResult(
        parts.scheme,
        quote(f"{host}{port}", safe="[]:"),
        quote(parts.path, safe=_SAFE),
        quote(parts.query, safe=_SAFE),
        quote(parts.fragment, safe=_SAFE),
    )
