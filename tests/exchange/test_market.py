import json

import pytest
from websocket import ABNF, create_connection

from omcrm.exchange import server
from omcrm.exchange.market import Market
from omcrm.exchange.simulation import Simulation
from omcrm.exchange.venues import VENUES
from tests.processes import PATIENCE


@pytest.fixture
def quiet() -> Market:
    """A market that has not begun."""
    return Market(lambda outlet: Simulation(7, outlet))


def test_one_source_and_all_venues(quiet: Market) -> None:
    """Every venue has its own switchboard and faults, and the same listings."""
    venues = quiet.venues.values()

    assert VENUES.keys() == quiet.venues.keys()
    assert list(VENUES) == [venue.name for venue in venues]
    assert all(venue.source is quiet.source for venue in venues)
    assert len(VENUES) == len({id(venue.switchboard) for venue in venues})
    assert len(VENUES) == len({id(venue.faults) for venue in venues})
    assert len(VENUES) == len({id(venue.faults.tricks) for venue in venues})
    assert len(VENUES) == len({id(venue.faults.active) for venue in venues})
    assert 0 == quiet.sessions()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/coinbase", "coinbase"),
        ("/coinbase/", "coinbase"),
        ("/coinbase/anything/else", "coinbase"),
        ("/coingecko/api/v3/simple/price", "coingecko"),
        ("/ws/btcusdt@trade", "binance"),
        ("/api/v3/ping", "binance"),
        ("/coinbases", "binance"),
        ("/", "binance"),
        ("", "binance"),
        ("/api/coinbase", "binance"),
    ],
)
def test_the_path_says_which_venue(quiet: Market, path: str, name: str) -> None:
    """By its first part; all others are Binance's."""
    assert name == quiet.venue_of(path).name
    assert quiet.binance is quiet.venues["binance"]


def test_connections_are_counted_together(market, room) -> None:
    """Those of all venues."""
    clients = [market.connect("/ws"), market.connect("/coinbase"), market.connect("/coinbase")]

    room.wait_until(lambda: market.market.sessions() == 3)
    assert [1, 2] == [len(market.market.venues[name].sessions) for name in ("binance", "coinbase")]
    clients[1].shutdown()
    room.wait_until(lambda: market.market.sessions() == 2)


def test_venues_tell_of_one_market(market, room) -> None:
    """The same trade has the same number and price everywhere."""
    one, two = market.connect("/ws/btcusdt@trade"), market.connect("/coinbase")
    command = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}
    two.send(json.dumps(command))
    trades = {trade["t"]: trade["p"] for trade in (json.loads(one.recv()) for _ in range(10))}
    match = room.next_message(two, lambda message: message.get("trade_id") in trades)

    assert float(trades[match["trade_id"]]) == float(match["price"])


def test_all_venues_say_goodbye(market) -> None:
    """When the exchange stops, every connection is closed in an orderly way."""
    url = f"ws://127.0.0.1:{market.port}"
    clients = [create_connection(f"{url}{path}", timeout=PATIENCE) for path in ("/ws", "/coinbase")]
    market.call(server.stop(market.market, market._server))
    closed = [client.recv_data(control_frame=True) for client in clients]
    for client in clients:
        client.shutdown()

    assert [(ABNF.OPCODE_CLOSE, 1001)] * 2 == [
        (opcode, int.from_bytes(payload[:2])) for opcode, payload in closed
    ]
