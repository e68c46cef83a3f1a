"""Configures the log of this process, under any server."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logs(level: str) -> None:
    """Log this level and above to standard error, each line with its time and level."""
    logging.basicConfig(level=level, format=_FORMAT)
    logging.getLogger("alembic").setLevel(logging.WARNING)
