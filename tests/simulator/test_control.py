import pytest

from simulator.providers import PROVIDERS


def test_the_status(running, room) -> None:
    """Mode, connections with their subscriptions and counts, and the faults."""
    client = running.connect("/stream?streams=btcusdt@bookTicker")
    client.recv()
    running.fault("mute", symbols=["BTCUSDT"])
    status = running.get("/control")
    connection = status["connections"][0]

    assert ("model", 7) == (status["mode"], status["seed"])
    assert (True, ["btcusdt@bookTicker"]) == (connection["combined"], connection["subscriptions"])
    assert connection["frames_sent"] >= 1
    assert {"mute": {"symbols": ["BTCUSDT"]}} == status["faults"]


def test_clearing_leaves_no_fault(running) -> None:
    """DELETE ends them all."""
    running.fault("refuse", status=503)
    running.fault("delay", seconds=60)
    running.clear()

    assert {} == running.get("/control")["faults"]
    assert running.connect("/ws/btcusdt@bookTicker").recv()


def test_ranges_hold_all_prices_since_a_time(running, room) -> None:
    """Low, high and last of each symbol; those of a later time lie within."""
    client = running.connect("/ws/btcusdt@trade")
    since = running.get("/control/ranges")["time"]
    trades = [
        room.next_message(client, lambda message: message.get("e") == "trade") for _ in range(5)
    ]
    prices = [float(trade["p"]) for trade in trades if trade["T"] >= since]
    low, high, last = map(float, running.get(f"/control/ranges?since={since}")["ranges"]["BTCUSDT"])

    assert low <= min(prices) <= max(prices) <= high
    assert low <= last <= high
    assert 400 == running.request("/control/ranges?since=now")[0]
    assert 405 == running.request("/control/ranges", "POST")[0]


def test_ranges_hold_the_best_bid_and_ask(running) -> None:
    """Also where nobody has traded since then."""
    client = running.connect("/ws/btcusdt@bookTicker")
    client.recv()
    far_ahead = 10**13
    low, high, last = map(
        float, running.get(f"/control/ranges?since={far_ahead}")["ranges"]["BTCUSDT"]
    )

    assert low <= last <= high
    assert low < high


def test_wrong_calls_are_refused(running) -> None:
    """Unknown paths, methods and bodies have different statuses."""

    assert 404 == running.request("/control/nosuch")[0]
    assert 405 == running.request("/control", "PUT", {})[0]
    assert 400 == running.request("/control/faults", "POST", [1])[0]


def test_a_browsers_page_may_not_control_it(running) -> None:
    """A request with an Origin is refused, and plays no fault."""
    wanted = {"fault": "mute"}

    assert 403 == running.request("/control/faults", "POST", wanted, Origin="http://evil.test")[0]
    assert {} == running.get("/control")["faults"]


# Providers


def faults(running) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    """The active faults of every provider that has any."""
    venues = running.get("/control")["venues"]
    return {name: item["faults"] for name, item in venues.items() if item["faults"]}


def test_a_fault_is_binances_by_default(running) -> None:
    """Binance has the paths without a provider's name."""
    running.fault("mute")
    running.fault("lifetime", venue="binance", seconds=60)

    assert {"binance": {"mute": {}, "lifetime": {"seconds": 60}}} == faults(running)
    assert running.get("/control")["faults"] == faults(running)["binance"]


def test_a_fault_of_one_provider_leaves_the_others_alone(running, room) -> None:
    """Coinbase refuses, Binance and CoinGecko do not."""
    fields = running.fault("refuse", venue="coinbase", status=503)

    assert {"refuse": {"status": 503}} == fields["faults"]
    assert {"coinbase": {"refuse": {"status": 503}}} == faults(running)
    assert running.connect("/ws/btcusdt@bookTicker").recv()
    path = "/coingecko/api/v3/simple/price?ids=bitcoin&vs_currencies=usd"
    assert 200 == running.request(path)[0]
    with pytest.raises(Exception, match="503"):
        running.connect("/coinbase")
    counts = {name: item["handshakes_refused"] for name, item in venues(running).items()}
    assert 1 == sum(counts.values()) == counts["coinbase"]


def venues(running) -> dict[str, dict[str, int]]:  # type: ignore[no-untyped-def]
    return running.get("/control")["venues"]


def test_a_cut_is_of_one_provider(running, room) -> None:
    """The connections of the others stay."""
    running.connect("/coinbase")
    client = running.connect("/ws/btcusdt@bookTicker")

    assert 1 == running.fault("cut", venue="coinbase")["connections"]
    room.wait_until(lambda: running.simulator.client_sockets() == 1)
    assert client.recv()


def test_a_fault_of_all_providers(running) -> None:
    """A star plays it everywhere, and clearing ends it everywhere."""
    running.fault("trick", venue="*", name="anything", amount=2)

    expected = {"trick": {"name": "anything", "amount": 2}}
    assert {name: expected for name in PROVIDERS} == faults(running)  # noqa: C420
    running.clear()
    assert {} == faults(running)
    assert not any(server.faults.tricks for server in running.simulator.servers.values())


def test_an_unknown_provider_is_refused(running) -> None:
    """The error names the known ones; no fault is played."""
    for name in ("nyse", "", "Binance", None, 5, ["binance"], {}, True):
        wanted = {"fault": "mute", "venue": name}
        status, body, _ = running.request("/control/faults", "POST", wanted)

        assert 400 == status
        assert f"unknown venue: {name!r}; there are {', '.join(PROVIDERS)}" == body["error"]
    assert {} == faults(running)


def test_a_wrong_fault_is_played_nowhere(running) -> None:
    """With wrong options no provider plays it."""
    for wanted in (
        {"fault": "nosuch"},
        {"fault": "mute", "symbols": ["NOSUCH"]},
        {"fault": "cut", "x": 1},
    ):
        assert 400 == running.request("/control/faults", "POST", {**wanted, "venue": "*"})[0]

    assert {} == faults(running)


def test_one_provider_is_cleared_alone(running) -> None:
    """The faults of the others stay; an unknown provider is an error."""
    running.fault("mute", venue="kraken")
    running.fault("mute", venue="coinbase")
    status, _, _ = running.request("/control/faults?venue=kraken", "DELETE")
    unknown, body, _ = running.request("/control/faults?venue=nasdaq", "DELETE")

    assert 200 == status
    assert {"coinbase": {"mute": {}}} == faults(running)
    assert 400 == unknown
    assert "nasdaq" in body["error"]


def test_calls_are_remembered_with_their_times(running) -> None:
    """By the market's clock; control calls do not count."""
    running.get("/api/v3/ping")
    running.get("/api/v3/ping")
    calls = running.get("/control/calls")

    assert 2 == len(calls["binance"])
    assert calls["binance"] == sorted(calls["binance"])
    assert [] == calls["coingecko"]
