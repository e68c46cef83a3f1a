"""The result of one run of the load client."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field

# Above this share of a processor, or with such a pause in ms, the client measures itself.
_BUSY = 0.85
_LAG_MS = 50.0
# Above this share of a processor, other processes disturb the measurement.
_OTHERS = 0.25
# Timers of servers may drift by a little.
_KEEPS_UP = 0.95


@dataclass
class Storm:
    """Many pages dropped at once, and their reconnection."""

    pages: int
    back_seconds: float
    retries: int
    is_complete: bool
    bystanders: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass
class Result:
    """One run; rates are per second of the measured window, shares are of one processor.

    `updates` were read within the window, `counted` were made within it and read later, too; the
    latencies are theirs. `expected` is how many were to be made, 0 where that is not known.
    """

    clients: int
    connected: int
    connect_seconds: float
    retries: int
    seconds: float
    updates: int
    counted: int
    expected: int
    messages: int
    reads: int
    bytes: int
    untimed: int
    regressions: int
    lost: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    server_cpu: float
    client_cpu: float
    client_waited: float
    client_lag_ms: float
    other_cpu: float
    memory_before_mb: float
    memory_start_mb: float
    memory_end_mb: float
    reader: str
    stalled: int = 0
    stalled_lost: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    storm: Storm | None = None
    # Processor seconds of the server while all connected.
    connect_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Delivered updates a second."""
        return self.counted / self.seconds

    @property
    def share(self) -> float:
        """The delivered share of the expected updates; 1 where it is not known."""
        return self.counted / self.expected if self.expected else 1.0

    @property
    def is_collapsed(self) -> bool:
        """Whether the server could not keep up."""
        return self.connected < self.clients or self.share < _KEEPS_UP

    @property
    def cpu_us(self) -> float:
        """The server's processor time per delivered update, in microseconds."""
        return self.server_cpu * self.seconds / self.updates * 1e6 if self.updates else 0.0

    @property
    def connect_ms(self) -> float:
        """The server's processor time per connection, in milliseconds."""
        return self.connect_cpu / self.connected * 1000 if self.connected else 0.0

    @property
    def frame_bytes(self) -> float:
        """The mean size of an update on the wire, its frame's head included."""
        return self.bytes / self.updates if self.updates else 0.0

    @property
    def memory_kb(self) -> float:
        """Memory per connection at the end, in KB (1 000 bytes)."""
        if not self.connected:
            return 0.0
        return (self.memory_end_mb - self.memory_before_mb) * 1000 / self.connected

    @property
    def suspicion(self) -> str:
        """Why the figures may be of the load client or the machine; or empty."""
        if self.client_cpu > _BUSY:
            return f"the load client used {self.client_cpu:.0%} of a processor"
        if self.client_lag_ms > _LAG_MS:
            return f"the load client paused for {self.client_lag_ms:.0f} ms"
        if self.other_cpu > _OTHERS:
            return f"other processes used {self.other_cpu:.0%} of a processor"
        return ""

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Result":
        """The result that `to_json` wrote."""
        fields = json.loads(text)
        storm = fields.pop("storm")
        return cls(**fields, storm=Storm(**storm) if storm else None)


def percentile_ms(latency: Counter[int], share: float) -> float:
    """The latency that `share` of the counted ones, in tenths of a millisecond, do not exceed."""
    wanted, passed = share * latency.total(), 0
    for bucket in sorted(latency):
        passed += latency[bucket]
        if passed >= wanted:
            # A bucket is named by its lower end.
            return (bucket + 1) / 10
    return 0.0
