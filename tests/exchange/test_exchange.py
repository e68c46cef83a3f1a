def test_connections_are_numbered_in_order(market) -> None:
    """Each WebSocket gets a number of its own, which is never used again."""
    market.connect().close(timeout=1)
    market.connect()
    status = market.get("/control")

    assert 2 == status["connections_accepted"]
    assert 2 in [connection["id"] for connection in status["connections"]]
