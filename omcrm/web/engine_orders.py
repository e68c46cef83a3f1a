"""What the database wants of an engine that no viewer starts."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.engine_runner import EngineOrders
from omcrm.storage import feed_switch
from omcrm.storage.instrument import active_instruments
from omcrm.storage.portfolio import held_symbols
from omcrm.web.database_away import is_away


def read_orders(context: Callable[[], AbstractContextManager[object]]) -> EngineOrders | None:
    """The orders in the database of this app context; None where it cannot be used now."""
    try:
        with context():
            return EngineOrders(active_instruments(), feed_switch.are_stopped(), held_symbols())
    except SQLAlchemyError as error:
        if not is_away(error):
            raise
        return None
