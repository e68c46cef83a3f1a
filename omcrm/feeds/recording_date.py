"""The date of a recording: what an upstream says that plays one, where it is believed."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

HEADER = "x-recorded-at"
"""The header in the answer to a handshake or a call, in lower case: when the recording began."""


def recorded_at(
    source: str, url: str, headers: Mapping[str, str], replay_of: Collection[str]
) -> datetime | None:
    """When the recording began that the source's upstream plays, None where it plays none.

    An upstream on this machine's loopback is believed; any other one only where `replay_of` names
    the source or the host of its URL. Header names are in lower case.
    """
    text = headers.get(HEADER)
    host = urlsplit(url).hostname or ""
    if text is None or not (is_loopback(host) or {source, host} & set(replay_of)):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone: nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
