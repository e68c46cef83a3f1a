"""The simulator of a demonstration, which runs beside the app as long as that does."""

from collections.abc import Callable
from dataclasses import replace

from omcrm.child import ExchangeProcess
from omcrm.settings import Settings


def with_simulator(settings: Settings) -> tuple[Settings, Callable[[], None]]:
    """The settings to run with, and what stops the simulator that was started for them.

    It is started where a demonstration names no built-in exchange of its own; raises
    ChildProcessError where it does not start.
    """
    if not settings.demo or settings.exchange_url:
        return settings, lambda: None
    simulator = ExchangeProcess()
    return replace(settings, exchange_url=simulator.start()), simulator.stop
