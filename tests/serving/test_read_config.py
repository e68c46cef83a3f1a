import pytest
from gunicorn.config import Config

from omcrm.serving.read_config import ReadConfig


def test_every_value_is_gunicorns() -> None:
    """Plain ones, and those that gunicorn computes."""
    config = Config()
    config.set("keepalive", 7)
    read = ReadConfig(config)

    assert 7 == read.keepalive
    assert {name: getattr(config, name) for name in config.settings} == {
        name: getattr(read, name) for name in config.settings
    }
    assert (config.is_ssl, config.ssl_options) == (read.is_ssl, read.ssl_options)
    with pytest.raises(AttributeError):
        read.unknown  # noqa: B018


def test_a_changed_setting() -> None:
    """It changes gunicorn's, too."""
    config = Config()
    read = ReadConfig(config)
    read.set("graceful_timeout", 0)

    assert (0, 0) == (read.graceful_timeout, config.graceful_timeout)
