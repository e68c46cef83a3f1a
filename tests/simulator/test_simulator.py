import json

import pytest
from websocket import ABNF, create_connection

from simulator.providers import PROVIDERS
from simulator.server import stop
from simulator.simulation import Simulation
from simulator.simulator import Simulator
from tests.processes import PATIENCE


@pytest.fixture
def quiet() -> Simulator:
    """A simulator that is not started."""
    return Simulator(lambda publisher: Simulation(7, publisher))


def test_one_source_and_all_providers(quiet: Simulator) -> None:
    """Every provider has its own subscriptions and faults, and the same listings."""
    servers = quiet.servers.values()

    assert PROVIDERS.keys() == quiet.servers.keys()
    assert list(PROVIDERS) == [server.name for server in servers]
    assert all(server.source.market is quiet.source for server in servers)
    assert len(PROVIDERS) == len({id(server.subscriptions) for server in servers})
    assert len(PROVIDERS) == len({id(server.faults) for server in servers})
    assert len(PROVIDERS) == len({id(server.faults.tricks) for server in servers})
    assert len(PROVIDERS) == len({id(server.faults.active) for server in servers})
    assert 0 == quiet.client_sockets()


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
def test_the_path_names_the_provider(quiet: Simulator, path: str, name: str) -> None:
    """By its first part; all others are Binance's."""
    assert name == quiet.server_of(path).name
    assert quiet.binance is quiet.servers["binance"]


def test_connections_are_counted_together(running, room) -> None:
    """Those of all providers."""
    clients = [running.connect("/ws"), running.connect("/coinbase"), running.connect("/coinbase")]

    room.wait_until(lambda: running.simulator.client_sockets() == 3)
    assert [1, 2] == [
        len(running.simulator.servers[name].client_sockets) for name in ("binance", "coinbase")
    ]
    clients[1].shutdown()
    room.wait_until(lambda: running.simulator.client_sockets() == 2)


def test_providers_share_one_market(running, room) -> None:
    """The same trade has the same id and price everywhere."""
    one, two = running.connect("/ws/btcusdt@trade"), running.connect("/coinbase")
    command = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}
    two.send(json.dumps(command))
    trades = {trade["t"]: trade["p"] for trade in (json.loads(one.recv()) for _ in range(10))}
    match = room.next_message(two, lambda message: message.get("trade_id") in trades)

    assert float(trades[match["trade_id"]]) == float(match["price"])


def test_all_providers_send_close_frames(running) -> None:
    """When the exchange stops, every connection is closed properly."""
    url = f"ws://127.0.0.1:{running.port}"
    clients = [create_connection(f"{url}{path}", timeout=PATIENCE) for path in ("/ws", "/coinbase")]
    running.call(stop(running.simulator, running._server))
    closed = [client.recv_data(control_frame=True) for client in clients]
    for client in clients:
        client.shutdown()

    assert [(ABNF.OPCODE_CLOSE, 1001)] * 2 == [
        (opcode, int.from_bytes(payload[:2])) for opcode, payload in closed
    ]
