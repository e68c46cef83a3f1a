"""The network of an address, by which requests are counted."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from flask import request

_PREFIX = 64
_LONGEST = 64


def network_of(address: str | None) -> str:
    """The IPv4 address itself, or the /64 of an IPv6 address, which one customer has as a whole.

    An IPv4 address mapped into IPv6 counts as IPv4; a text that is no address, as it is.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return (address or "")[:_LONGEST]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed), _PREFIX), strict=False))


def caller_network() -> str:
    """The network of this request's client, also behind trusted proxies."""
    return network_of(request.remote_addr)
