"""The simulator of a demonstration, which runs as long as the app."""

from collections.abc import Callable
from dataclasses import replace

from omcrm.child import ExchangeProcess
from omcrm.settings import Settings


def with_simulator(settings: Settings) -> tuple[Settings, Callable[[], None]]:
    """The settings to run with, and a function that stops the simulator started for them.

    It is started for a demonstration without `exchange_url`; raises ChildProcessError where it does
    not start.
    """
    if not settings.demo or settings.exchange_url:
        return settings, lambda: None
    simulator = ExchangeProcess()
    return replace(settings, exchange_url=simulator.start()), simulator.stop
