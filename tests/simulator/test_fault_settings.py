from simulator.fault_settings import FaultSettings


def test_without_faults_connections_live_as_at_binance() -> None:
    """A ping every 20 s, 60 s for its pong, no refusal, no end."""
    settings = FaultSettings()

    assert (20.0, 60.0) == (settings.ping_interval, settings.pong_timeout)
    assert (None, None, False) == (settings.refusal, settings.lifetime, settings.half_open)
    assert (None, 0) == (settings.call_refusal, settings.answer_age)
