import json
import time

import pytest
from websocket import ABNF, WebSocketTimeoutException

from tests.processes import PATIENCE


def trade_of(client, room):  # type: ignore[no-untyped-def]
    """The next trade."""
    return room.next_message(client, lambda message: message.get("e") == "trade")


def pass_over(client, room) -> None:  # type: ignore[no-untyped-def]
    """Take what was on its way."""
    room.command(client, method="LIST_SUBSCRIPTIONS", id=1)


def test_mute_stops_data_while_pings_go_on(market) -> None:
    """The socket lives and says nothing; cleared, data is back."""
    client = market.connect("/ws/btcusdt@bookTicker/eurusd@bookTicker")
    market.fault("mute")
    market.fault("ping_interval", seconds=0.1)
    while client.recv_data(control_frame=True)[0] != ABNF.OPCODE_PING:
        pass
    later = [client.recv_data(control_frame=True)[0] for _ in range(3)]
    market.clear()

    assert [ABNF.OPCODE_PING] * 3 == later
    assert "u" in json.loads(client.recv())


def test_mute_may_be_for_some_symbols(market, room) -> None:
    """The others go on."""
    client = market.connect("/ws/btcusdt@bookTicker/eurusd@bookTicker")
    market.fault("mute", symbols=["btcusdt"])
    pass_over(client, room)

    assert {"EURUSD"} == {json.loads(client.recv())["s"] for _ in range(5)}


def test_delay_holds_messages_back(market, room) -> None:
    """What is sent was true some time ago."""
    client = market.connect("/ws/eurusd@trade")
    market.fault("delay", seconds=0.5)
    pass_over(client, room)
    trade = trade_of(client, room)

    assert 450 < time.time() * 1000 - trade["E"]


def test_a_delisted_symbol_is_acknowledged_and_silent(market, room) -> None:
    """Status BREAK, no data, until it is cleared."""
    client = market.connect()
    market.fault("delist", symbol="BTCUSDT")
    answer = room.command(client, method="SUBSCRIBE", params=["btcusdt@bookTicker"], id=1)
    client.settimeout(0.3)
    with pytest.raises(WebSocketTimeoutException):
        client.recv()
    status = market.get("/api/v3/exchangeInfo?symbol=BTCUSDT")["symbols"][0]["status"]
    market.clear()
    client.settimeout(PATIENCE)

    assert ({"result": None, "id": 1}, "BREAK") == (answer, status)
    assert client.recv()


def test_a_spike_is_far_from_the_last_price(market, room) -> None:
    """As many trades as asked, their ids new, the market's own figures untouched."""
    client = market.connect("/ws/btcusdt@trade")
    before = trade_of(client, room)
    market.fault("spike", symbol="BTCUSDT", factor=3, count=2)
    high = float(market.get("/api/v3/ticker/24hr?symbol=BTCUSDT")["highPrice"])
    spikes = [
        room.next_message(client, lambda message: float(message["p"]) > 2 * high) for _ in range(2)
    ]

    assert before["t"] < spikes[0]["t"] < spikes[1]["t"]
    assert float(spikes[0]["p"]) == pytest.approx(3 * float(before["p"]), rel=0.01)
    assert trade_of(client, room)["t"] > spikes[1]["t"]


def test_a_crossed_quote_has_its_bid_above_its_ask(market, room) -> None:
    """One such quote, with a new update id."""
    client = market.connect("/ws/eurusd@bookTicker")
    room.next_message(client, lambda message: True)
    market.fault("crossed", symbol="EURUSD")
    crossed = room.next_message(client, lambda message: float(message["b"]) > float(message["a"]))
    after = room.next_message(client, lambda message: True)

    assert float(after["b"]) < float(after["a"])
    assert after["u"] > crossed["u"]


def test_duplicates_and_old_trades_come_again(market, room) -> None:
    """The last trade once more, and then one that is older."""
    client = market.connect("/ws/eurusd@trade")
    ids = [trade_of(client, room)["t"] for _ in range(2)]
    market.fault("duplicate", symbol="EURUSD")
    while ids[-1] > ids[-2]:
        ids.append(trade_of(client, room)["t"])
    duplicated = ids[-1] == ids[-2]
    market.fault("out_of_order")
    while ids[-1] >= ids[-2]:
        ids.append(trade_of(client, room)["t"])

    assert duplicated
    assert ids[-1] < ids[-2]
