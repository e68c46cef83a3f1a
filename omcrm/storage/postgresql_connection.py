"""PostgreSQL's connections: one whose server does not answer is closed."""

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from omcrm.storage.postgresql_reach import PostgresqlReach


class PostgresqlConnection(psycopg.Connection[Any]):
    """A connection that raises OperationalError where the server hangs, and is closed then.

    A server that is frozen, or whose machine is gone, keeps its connections open and never answers.
    """

    answer_timeout: float | None = 6.0
    """How long a statement may take, in seconds; None for as long as it takes."""
    reach: "PostgresqlReach | None" = None
    """Who is told where the server does not answer."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """The result of an operation, which ends within the timeout."""
        seconds = self.answer_timeout if timeout is None else timeout
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.errors._WaitTimeout:
            # Its statement may still run, so nobody may use it again.
            self.close()
            if self.reach is not None:
                self.reach.note_no_answer()
            problem = f"the database did not answer within {seconds:.0f} s"
            raise psycopg.OperationalError(problem) from None
