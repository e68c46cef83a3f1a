from omcrm.wire.encoding import dumps
from omcrm.wire.health import JsonAlive, JsonReadiness


def test_health_on_the_wire() -> None:
    """Failing parts are named only where there are any."""
    assert '{"status":"ok"}' == dumps(JsonAlive())
    assert '{"status":"ready"}' == dumps(JsonReadiness(status="ready"))
    assert '{"failing":["feed"],"status":"unavailable"}' == dumps(
        JsonReadiness(status="unavailable", failing=["feed"])
    )
