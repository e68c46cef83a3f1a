import pytest

from omcrm.exchange.venues import VENUES


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


# Venues


def faults(market) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    """The faults of every venue that plays any."""
    venues = market.get("/control")["venues"]
    return {name: item["faults"] for name, item in venues.items() if item["faults"]}


def test_a_fault_is_binances_unless_it_says_otherwise(market) -> None:
    """Without a venue it is that of the paths without a name."""
    market.fault("mute")
    market.fault("lifetime", venue="binance", seconds=60)

    assert {"binance": {"mute": {}, "lifetime": {"seconds": 60}}} == faults(market)
    assert market.get("/control")["faults"] == faults(market)["binance"]


def test_a_fault_of_one_venue_leaves_the_others_alone(market, room) -> None:
    """Coinbase refuses, Binance and CoinGecko do not."""
    told = market.fault("refuse", venue="coinbase", status=503)

    assert {"refuse": {"status": 503}} == told["faults"]
    assert {"coinbase": {"refuse": {"status": 503}}} == faults(market)
    assert market.connect("/ws/btcusdt@bookTicker").recv()
    path = "/coingecko/api/v3/simple/price?ids=bitcoin&vs_currencies=usd"
    assert 200 == market.request(path)[0]
    with pytest.raises(Exception, match="503"):
        market.connect("/coinbase")
    counts = {name: item["handshakes_refused"] for name, item in venues(market).items()}
    assert 1 == sum(counts.values()) == counts["coinbase"]


def venues(market) -> dict[str, dict[str, int]]:  # type: ignore[no-untyped-def]
    return market.get("/control")["venues"]


def test_a_cut_is_of_one_venue(market, room) -> None:
    """The connections of the others live on."""
    market.connect("/coinbase")
    client = market.connect("/ws/btcusdt@bookTicker")

    assert 1 == market.fault("cut", venue="coinbase")["connections"]
    room.wait_until(lambda: market.market.sessions() == 1)
    assert client.recv()


def test_a_fault_of_all_venues(market) -> None:
    """A star plays it everywhere, and clearing ends it everywhere."""
    market.fault("trick", venue="*", name="anything", amount=2)

    expected = {"trick": {"name": "anything", "amount": 2}}
    assert {name: expected for name in VENUES} == faults(market)  # noqa: C420
    market.clear()
    assert {} == faults(market)
    assert not any(venue.faults.tricks for venue in market.market.venues.values())


def test_an_unknown_venue_is_refused(market) -> None:
    """In words that name those there are, whatever was named; no fault is played."""
    for name in ("nyse", "", "Binance", None, 5, ["binance"], {}, True):
        wanted = {"fault": "mute", "venue": name}
        status, body, _ = market.request("/control/faults", "POST", wanted)

        assert 400 == status
        assert f"unknown venue: {name!r}; there are {', '.join(VENUES)}" == body["error"]
    assert {} == faults(market)


def test_a_wrong_fault_is_played_nowhere(market) -> None:
    """Of all venues none plays what one of them could not."""
    for wanted in (
        {"fault": "nosuch"},
        {"fault": "mute", "symbols": ["NOSUCH"]},
        {"fault": "cut", "x": 1},
    ):
        assert 400 == market.request("/control/faults", "POST", {**wanted, "venue": "*"})[0]

    assert {} == faults(market)


def test_one_venue_is_cleared_alone(market) -> None:
    """The others go on failing; a venue that does not exist is named."""
    market.fault("mute", venue="kraken")
    market.fault("mute", venue="coinbase")
    status, _, _ = market.request("/control/faults?venue=kraken", "DELETE")
    unknown, body, _ = market.request("/control/faults?venue=nasdaq", "DELETE")

    assert 200 == status
    assert {"coinbase": {"mute": {}}} == faults(market)
    assert 400 == unknown
    assert "nasdaq" in body["error"]


def test_calls_are_remembered_with_their_times(market) -> None:
    """By the market's clock; what steers the exchange is no call."""
    market.get("/api/v3/time")
    market.get("/api/v3/time")
    calls = market.get("/control/calls")

    assert 2 == len(calls["binance"])
    assert calls["binance"] == sorted(calls["binance"])
    assert [] == calls["coingecko"]
