"""What the database wants of an engine that no viewer starts."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.engine_runner import EngineOrders
from omcrm.storage import feed_switch
from omcrm.storage.instrument import active_instruments
from omcrm.storage.portfolio import held_symbols
from omcrm.storage.transaction import end_read
from omcrm.web.database_away import is_away


def read_orders(context: Callable[[], AbstractContextManager[object]]) -> EngineOrders | None:
    """The orders in the database of this app context; None where it cannot be used now."""
    with context():
        try:
            return EngineOrders(active_instruments(), feed_switch.are_stopped(), held_symbols())
        except SQLAlchemyError as error:
            if not is_away(error):
                raise
            return None
        finally:
            _end_read()


def _end_read() -> None:
    try:
        end_read()
    except SQLAlchemyError:
        # The connection is gone, and with it the transaction.
        pass
