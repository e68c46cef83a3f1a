def test_connections_are_numbered_in_order(running) -> None:
    """Each WebSocket gets a number of its own, which is never used again."""
    running.connect().close(timeout=1)
    running.connect()
    status = running.get("/control")

    assert 2 == status["connections_accepted"]
    assert 2 in [connection["id"] for connection in status["connections"]]
