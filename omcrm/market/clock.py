"""The one way time enters the core: whoever assembles it passes a clock in."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present moment, in UTC with its zone."""
