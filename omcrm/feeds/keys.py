"""The API keys of upstreams: read anew for every connection, hidden in every text."""

import threading
from collections.abc import Callable
from urllib.parse import quote, quote_plus

_MASK = "***"
# Shorter keys would occur in ordinary words.
_SHORTEST = 4


class Keys:
    """Returns keys by the name of their setting, and hides every key it ever returned.

    `read_setting` returns the text of a setting, empty where it is not set. Thread-safe.
    """

    def __init__(self, read_setting: Callable[[str], str] = lambda name: "") -> None:
        self._read_setting = read_setting
        self._lock = threading.Lock()
        self._given: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """The present key of this setting; empty where there is none."""
        key = self._read_setting(name).strip()
        if len(key) >= _SHORTEST and key not in self._given:
            # As it is, and as it is quoted in a URL.
            spelled = {key, quote(key), quote(key, safe=""), quote_plus(key)}
            with self._lock:
                # The longest first: one key may contain another.
                self._given = tuple(sorted(spelled.union(self._given), key=len, reverse=True))
        return key

    def hide(self, text: str) -> str:
        """`text` without any of the keys."""
        for key in self._given:
            text = text.replace(key, _MASK)
        return text

    def hide_in(self, frame: bytes) -> bytes:
        """A frame without any of the keys."""
        for key in self._given:
            frame = frame.replace(key.encode(), _MASK.encode())
        return frame
