"""The lease of the engine in an app's database, and the check of its token in what it writes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.lease import Lease
from omcrm.errors import LeaseUnreached
from omcrm.storage import engine_lease
from omcrm.storage.health import first_line
from omcrm.storage.transaction import transaction


class StoredLease:
    """The lease in the app's database; `holder` names this process, for people."""

    def __init__(self, context: Callable[[], AbstractContextManager[object]], holder: str) -> None:
        self._context = context
        self._holder = holder

    def take(self, seconds: float, above: int) -> int | None:
        """The new token, above this one, if nobody has the lease; else None."""
        with self._write():
            return engine_lease.take(self._holder, seconds, above)

    def renew(self, token: int, seconds: float) -> bool:
        """Keep the lease; whether it is still the one of this token."""
        with self._write():
            return engine_lease.renew(token, seconds)

    def give_back(self, token: int) -> None:
        """End the lease at once, if it is the one of this token."""
        with self._write():
            engine_lease.give_back(token)

    @contextmanager
    def _write(self) -> Iterator[None]:
        try:
            with self._context(), transaction():
                yield
        except SQLAlchemyError as error:
            raise LeaseUnreached(first_line(error)) from error


def fence_of(lease: Lease) -> Callable[[], None]:
    """What the engine calls in each transaction that it writes: it raises LeaseLost where another
    process is the engine by now."""
    return lambda: engine_lease.require(lease.token_to_write())
