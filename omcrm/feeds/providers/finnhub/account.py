"""An account of Finnhub: its key, and the key's absence from every text."""

from typing import Any

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import RequestRejected
from omcrm.feeds.providers.finnhub import KEY
from omcrm.market.parsing import text

_LONGEST = 200


class FinnhubAccount:
    """What the stream and the poller have in common: one key, read anew each time."""

    def __init__(self, base: str, keys: Keys) -> None:
        self.base = base
        self.keys = keys

    def missing(self) -> str | None:
        return None if self.api_key() else KEY.env

    def api_key(self) -> str:
        return self.keys.get(KEY.env)

    def refused(self, words: Any) -> RequestRejected:
        # An upstream may repeat the key in its message.
        return RequestRejected(0, self.keys.hide(text(words))[:_LONGEST])
