"""The part of the settings that the providers read."""

from collections.abc import Mapping

from msgspec import Struct

from omcrm.feeds.declaration import Choice
from omcrm.feeds.keys import Keys


class FeedSettings(Struct, frozen=True, kw_only=True):
    """The addresses of upstreams by name, their keys, and what was chosen, by the setting's name; a
    provider without an address is off.

    `replay_of` names the sources, or the hosts of their addresses, that are believed when they say
    that they play a recording.
    """

    urls: Mapping[str, str] = {}
    keys: Keys = Keys()
    choices: Mapping[str, tuple[str, ...]] = {}
    replay_of: tuple[str, ...] = ()

    def chosen(self, choice: Choice) -> tuple[str, ...]:
        """The choice that was made, else the default."""
        return self.choices.get(choice.env, choice.default)
