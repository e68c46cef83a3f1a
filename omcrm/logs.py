"""How this process writes its log, whichever server it runs under."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logs(level: str) -> None:
    """Write what is of this level or above to standard error, each line with its time and level."""
    logging.basicConfig(level=level, format=_FORMAT)
    logging.getLogger("alembic").setLevel(logging.WARNING)
