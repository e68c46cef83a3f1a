from omcrm.bus_member import BusMember


class Part:
    """Writes down when it is started and stopped."""

    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    def start(self) -> None:
        self._log.append(f"start {self._name}")

    def stop(self) -> None:
        self._log.append(f"stop {self._name}")


def test_parts_end_in_the_other_order() -> None:
    """And twice is once."""
    log: list[str] = []
    member = BusMember([Part("bus", log), Part("lease", log)])
    member.stop()
    member.start()
    member.start()
    member.stop()
    member.stop()

    assert ["start bus", "start lease", "stop lease", "stop bus"] == log
