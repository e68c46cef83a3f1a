def test_control_tells_what_goes_on(market, room) -> None:
    """Mode, connections with their subscriptions and counts, and the faults."""
    client = market.connect("/stream?streams=btcusdt@bookTicker")
    client.recv()
    market.fault("mute", symbols=["BTCUSDT"])
    status = market.get("/control")
    connection = status["connections"][0]

    assert ("model", 7) == (status["mode"], status["seed"])
    assert (True, ["btcusdt@bookTicker"]) == (connection["combined"], connection["subscriptions"])
    assert connection["frames_sent"] >= 1
    assert {"mute": {"symbols": ["BTCUSDT"]}} == status["faults"]


def test_clearing_leaves_no_fault(market) -> None:
    """DELETE ends them all."""
    market.fault("refuse", status=503)
    market.fault("delay", seconds=60)
    market.clear()

    assert {} == market.get("/control")["faults"]
    assert market.connect("/ws/btcusdt@bookTicker").recv()


def test_wrong_calls_are_refused(market) -> None:
    """Unknown paths, methods and bodies are told apart."""

    assert 404 == market.request("/control/nosuch")[0]
    assert 405 == market.request("/control", "PUT", {})[0]
    assert 400 == market.request("/control/faults", "POST", [1])[0]


def test_a_browsers_page_may_not_steer_it(market) -> None:
    """A request with an Origin is refused, and plays no fault."""
    wanted = {"fault": "mute"}

    assert 403 == market.request("/control/faults", "POST", wanted, Origin="http://evil.test")[0]
    assert {} == market.get("/control")["faults"]
