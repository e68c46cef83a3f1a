"""The keys of upstreams: looked up anew for every connection, and never to be seen again."""

import threading
from collections.abc import Callable
from urllib.parse import quote, quote_plus

_MASK = "***"
# What is shorter would be found in ordinary words.
_SHORTEST = 4


class Keys:
    """Gives keys by the name of their setting, and hides every key it ever gave.

    `look_up` gives the text of a setting, empty where it is not set. Thread-safe.
    """

    def __init__(self, look_up: Callable[[str], str] = lambda name: "") -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._given: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """The key of this setting now; empty where there is none."""
        key = self._look_up(name).strip()
        if len(key) >= _SHORTEST and key not in self._given:
            # As it is, and as it stands in a URL.
            spelled = {key, quote(key), quote(key, safe=""), quote_plus(key)}
            with self._lock:
                # The longest first: one may be part of another.
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
