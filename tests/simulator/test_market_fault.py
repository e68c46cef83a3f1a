import json
import time

import pytest
from websocket import ABNF


def trade_of(client, room):  # type: ignore[no-untyped-def]
    """The next trade."""
    return room.next_message(client, lambda message: message.get("e") == "trade")


def skip_sent(client, room) -> None:  # type: ignore[no-untyped-def]
    """Read what has been sent so far."""
    room.command(client, method="LIST_SUBSCRIPTIONS", id=1)


def test_mute_stops_data_while_pings_go_on(running) -> None:
    """The socket stays open; when cleared, data comes again."""
    client = running.connect("/ws/btcusdt@bookTicker/eurusd@bookTicker")
    running.fault("mute")
    running.fault("ping_interval", seconds=0.1)
    while client.recv_data(control_frame=True)[0] != ABNF.OPCODE_PING:
        pass
    later = [client.recv_data(control_frame=True)[0] for _ in range(3)]
    running.clear()

    assert [ABNF.OPCODE_PING] * 3 == later
    assert "u" in json.loads(client.recv())


def test_mute_may_be_for_some_symbols(running, room) -> None:
    """The others go on."""
    client = running.connect("/ws/btcusdt@bookTicker/eurusd@bookTicker")
    running.fault("mute", symbols=["btcusdt"])
    skip_sent(client, room)

    assert {"EURUSD"} == {json.loads(client.recv())["s"] for _ in range(5)}


def test_delay_holds_messages_back(running, room) -> None:
    """Messages arrive late."""
    client = running.connect("/ws/eurusd@trade")
    running.fault("delay", seconds=0.5)
    skip_sent(client, room)
    trade = trade_of(client, room)

    assert 450 < time.time() * 1000 - trade["E"]


@pytest.mark.parametrize("seconds", [100, -100])
def test_a_clock_may_be_ahead_or_behind(running, room, seconds: int) -> None:
    """So are the times of events and trades."""
    client = running.connect("/ws/eurusd@trade")
    running.fault("skewed_clock", seconds=seconds)
    skip_sent(client, room)
    trade = trade_of(client, room)

    for moment in (trade["E"], trade["T"]):
        assert seconds == pytest.approx(moment / 1000 - time.time(), abs=30)


def test_a_clock_may_be_set_again_and_again(running, room) -> None:
    """It is ahead and behind by turns."""
    client = running.connect("/ws/eurusd@trade")
    running.fault("stepped_clock", seconds=600, every=1)
    skip_sent(client, room)
    signs: list[bool] = []
    while signs[-3:] not in ([True, False, True], [False, True, False]):
        is_ahead = trade_of(client, room)["E"] > time.time() * 1000
        signs += [is_ahead] if signs[-1:] != [is_ahead] else []


def test_a_clock_is_right_when_cleared(running, room) -> None:
    """Like all faults that last."""
    client = running.connect("/ws/eurusd@trade")
    running.fault("stepped_clock", seconds=600, every=1)
    running.clear()
    skip_sent(client, room)

    assert abs(trade_of(client, room)["E"] - time.time() * 1000) < 300_000


def test_a_spike_is_far_from_the_last_price(running, room) -> None:
    """As many trades as asked, their ids new, the market's own figures untouched."""
    client = running.connect("/ws/btcusdt@trade")
    before = trade_of(client, room)
    running.fault("spike", symbol="BTCUSDT", factor=3, count=2)
    high = float(running.get("/api/v3/ticker/24hr?symbol=BTCUSDT")["highPrice"])
    spikes = [
        room.next_message(client, lambda message: float(message["p"]) > 2 * high) for _ in range(2)
    ]

    assert before["t"] < spikes[0]["t"] < spikes[1]["t"]
    assert float(spikes[0]["p"]) == pytest.approx(3 * float(before["p"]), rel=0.01)
    assert trade_of(client, room)["t"] > spikes[1]["t"]


def test_bad_conditions_are_those_of_shares(running) -> None:
    """Neither Binance nor a pair of coins has any."""
    for options in (
        {"venue": "binance", "symbol": "AAPL"},
        {"venue": "alpaca", "symbol": "BTCUSDT"},
    ):
        fault = {"fault": "bad_conditions", **options}
        status, body, _ = running.request("/control/faults", "POST", fault)

        assert 400 == status
        assert "writes no conditions" in body["error"]


def test_a_crossed_quote_has_its_bid_above_its_ask(running, room) -> None:
    """One such quote, with a new update id."""
    client = running.connect("/ws/eurusd@bookTicker")
    room.next_message(client, lambda message: True)
    running.fault("crossed", symbol="EURUSD")
    crossed = room.next_message(client, lambda message: float(message["b"]) > float(message["a"]))
    after = room.next_message(client, lambda message: True)

    assert float(after["b"]) < float(after["a"])
    assert after["u"] > crossed["u"]


def test_duplicates_and_old_trades_come_again(running, room) -> None:
    """The last trade once more, and then one that is older."""
    client = running.connect("/ws/eurusd@trade")
    ids = [trade_of(client, room)["t"] for _ in range(2)]
    running.fault("duplicate", symbol="EURUSD")
    while ids[-1] > ids[-2]:
        ids.append(trade_of(client, room)["t"])
    duplicated = ids[-1] == ids[-2]
    running.fault("out_of_order")
    while ids[-1] >= ids[-2]:
        ids.append(trade_of(client, room)["t"])

    assert duplicated
    assert ids[-1] < ids[-2]


def test_wrong_prices_are_those_of_one_provider(running, room) -> None:
    """Its trades, books and HTTP answers; the market and the other providers go on."""
    client, other = running.connect("/ws/btcusdt@trade"), running.connect("/ws/btcusdt@trade")
    running.fault("wrong_prices", factor=3, venue="coinbase")
    market = float(running.get("/control/prices")["BTCUSDT"])
    right = float(trade_of(client, room)["p"])
    running.fault("wrong_prices", factor=3)
    skip_sent(other, room)
    wrong = float(trade_of(other, room)["p"])
    asked = float(running.get("/api/v3/ticker/24hr?symbol=BTCUSDT")["lastPrice"])
    running.clear()
    skip_sent(other, room)
    again = float(trade_of(other, room)["p"])

    assert (1, 3, 3, 1) == tuple(round(price / market, 1) for price in (right, wrong, asked, again))


def test_frozen_prices_have_new_ids(running, room) -> None:
    """The same price in trade after trade."""
    client = running.connect("/ws/btcusdt@trade")
    running.fault("frozen_prices")
    skip_sent(client, room)
    trades = [trade_of(client, room) for _ in range(5)]

    assert 1 == len({trade["p"] for trade in trades})
    assert 5 == len({trade["t"] for trade in trades})


def test_one_trade_may_have_a_wrong_time(running, room) -> None:
    """At the last price, between trades of now."""
    client = running.connect("/ws/btcusdt@trade")
    trade_of(client, room)
    running.fault("wrong_time", symbol="BTCUSDT", seconds=3000)
    ahead = room.next_message(client, lambda message: message["T"] / 1000 > time.time() + 2000)
    after = trade_of(client, room)

    assert after["t"] > ahead["t"]
    assert after["T"] < ahead["T"]


@pytest.mark.parametrize(
    ("dead", "alive"), [("trades", "bookTicker"), ("books", "trade")], ids=["trades", "books"]
)
def test_one_channel_may_stop_alone(running, room, dead: str, alive: str) -> None:
    """The other one goes on."""
    client = running.connect("/ws/btcusdt@trade/btcusdt@bookTicker")
    running.fault("dead_channel", channel=dead)
    skip_sent(client, room)
    kinds = {"u" in json.loads(client.recv()) for _ in range(10)}

    assert {alive == "bookTicker"} == kinds


def test_what_was_held_back_has_the_time_when_it_was_published(running) -> None:
    """A book of a moment ago does not pass for one of now."""
    client = running.connect("/okx/ws/v5/public")
    topic = {"channel": "bbo-tbt", "instId": "BTC-USDT"}
    client.send(json.dumps({"op": "subscribe", "args": [topic]}))
    running.fault("delay", seconds=2, venue="okx")
    late = 0.0
    while late < 1.5:
        book = json.loads(client.recv()).get("data")
        late = time.time() - int(book[0]["ts"]) / 1000 if book else 0.0


def test_a_dead_channel_of_another_provider_is_its_own(running) -> None:
    """OKX's trades stop; its tickers and books go on."""
    client = running.connect("/okx/ws/v5/public")
    channels = ("trades", "tickers", "bbo-tbt")
    topics = [{"channel": channel, "instId": "BTC-USDT"} for channel in channels]
    running.fault("dead_channel", channel="trades", venue="okx")
    client.send(json.dumps({"op": "subscribe", "args": topics}))
    # Each subscription is answered with the latest state.
    pushes: list[str] = []
    while pushes.count("tickers") < 4 or pushes.count("bbo-tbt") < 4:
        message = json.loads(client.recv())
        pushes += [message["arg"]["channel"]] if "data" in message else []

    assert 1 == pushes.count("trades")
