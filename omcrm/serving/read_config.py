"""gunicorn's settings, read once."""

from typing import Any

from gunicorn.config import Config


class ReadConfig:
    """The values of a gunicorn `Config` as plain attributes: its own costs two look-ups and a call
    for each value, and a request needs twenty.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        for name in config.settings:
            # What gunicorn computes stays so.
            if not hasattr(type(config), name):
                setattr(self, name, getattr(config, name))
        self.is_ssl = config.is_ssl

    def __getattr__(self, name: str) -> Any:
        return getattr(self._config, name)

    def set(self, name: str, value: Any) -> None:
        """Change a setting."""
        self._config.set(name, value)
        setattr(self, name, getattr(self._config, name))
