"""How each source's connection is doing."""

from datetime import datetime

from msgspec import Struct

from omcrm.market.source import HEALTHY, HealthState


class _Health(Struct, frozen=True):
    state: HealthState
    # Only what came on this connection or a later one is of a living stream.
    connection: int
    starting_until: datetime


class SourceHealth:
    """The health of all sources, by name. Not thread-safe."""

    def __init__(self) -> None:
        self._sources: dict[str, _Health] = {}
        self._unserved: dict[str, frozenset[str]] = {}

    def set(
        self, source: str, state: HealthState, connection: int, now: datetime, grace_ends: datetime
    ) -> None:
        """Note the state of a source; one that is connecting has until `grace_ends` for a price."""
        before = self._sources.get(source)
        until = before.starting_until if before else now
        if state is HealthState.PENDING:
            until = grace_ends
        self._sources[source] = _Health(state, connection, until)

    def set_all_off(self, now: datetime) -> None:
        """Note that all sources are switched off."""
        for source in self._sources:
            self._sources[source] = _Health(HealthState.OFF, 0, now)

    def set_unserved(self, source: str, symbols: frozenset[str]) -> None:
        """Note all symbols that a source does not serve although it answers."""
        self._unserved[source] = symbols

    def state(self, source: str) -> HealthState:
        """The state of the source; one that is not known is down."""
        health = self._sources.get(source)
        return HealthState.DOWN if health is None else health.state

    def alive_from(self, source: str) -> int:
        """The first connection of the source that has not ended."""
        health = self._sources.get(source)
        return health.connection if health and health.state is HEALTHY else 0

    def is_alive(self, source: str, connection: int, symbol: str) -> bool:
        """Whether the source is healthy, this connection of it has not ended, and it serves the
        symbol as far as is known."""
        health = self._sources.get(source)
        return (
            health is not None
            and health.state is HEALTHY
            and connection >= health.connection
            and (not self._unserved or symbol not in self._unserved.get(source, ()))
        )

    def is_starting(self, source: str, now: datetime) -> bool:
        """Whether the source began so short a time ago that it may lack data."""
        health = self._sources.get(source)
        return health is not None and now < health.starting_until

    def is_expected(self, source: str, now: datetime) -> bool:
        """Whether the first price of a source that is starting is still to be waited for."""
        health = self._sources.get(source)
        return (
            health is not None
            and health.state in (HealthState.PENDING, HealthState.HEALTHY)
            and now < health.starting_until
        )
