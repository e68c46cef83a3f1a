import itertools
import json
import socket
import time
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.player import START_DELAY
from tests.processes import PATIENCE

SECOND = 1_000_000_000
START = 1_723_161_254 * SECOND
RECORDED = (
    Path(__file__).resolve().parents[2].parent
    / "shared" / "market-data" / "binance" / "spot-2024-08-08"
)  # fmt: skip


def trade(number: int, price: str = "100.00000000", symbol: str = "BTCUSDT") -> str:
    """A trade event."""
    return json.dumps(
        {"e": "trade", "E": 1_723_161_255_000 + number * 10, "s": symbol, "t": number, "p": price,
         "q": "0.50000000", "T": 1_723_161_255_000 + number * 10 - 1, "m": True, "M": True},
        separators=(",", ":"),
    )  # fmt: skip


def wrapped(event: str, kind: str = "trade") -> str:
    """The event as a combined stream sends it, with a blank no encoder of ours writes."""
    return f'{{"stream": "btcusdt@{kind}","data":{event}}}'


def written(path: Path, lines: list[tuple[float, str]]) -> Path:
    """A recording of lines given as seconds after the start, and JSON."""
    text = "".join(f"{START + round(at * SECOND)} {line}\n" for at, line in lines)
    path.write_text(text)
    return path


def received(client: Any, until: Any) -> list[str]:
    """Every message up to the one that `until` accepts."""
    messages = [client.recv()]
    while not until(messages[-1]):
        messages.append(client.recv())
    return messages


def final(count: int) -> Any:
    """Accepts the ticker after the last trade."""
    return lambda text: '"24hrTicker"' in text and f'"L":{count},' in text


def test_the_recording_is_passed_on_byte_for_byte(play, tmp_path) -> None:
    """Combined connections get the recorded frames, bare ones the recorded events, in order."""
    lines = [(number / 100, wrapped(trade(number))) for number in range(1, 50)]
    running = play(written(tmp_path / "a", lines))
    combined = running.connect("/stream?streams=btcusdt@trade/btcusdt@ticker")
    bare = running.connect("/ws/btcusdt@trade/btcusdt@ticker")

    assert [line for _, line in lines] == received(combined, final(49))[:-1]
    assert [trade(number) for number in range(1, 50)] == received(bare, final(49))[:-1]


def test_tickers_sum_up_the_recording_so_far(play, tmp_path) -> None:
    """Each second of the recording has a ticker that agrees with the trades sent before it."""
    prices = ["100.00000000", "130.00000000", "90.00000000", "110.00000000", "120.00000000"]
    lines = [
        (number * 0.6, wrapped(trade(number, price))) for number, price in enumerate(prices, 1)
    ]
    book = '{"u":9,"s":"BTCUSDT","b":"99.00000000","B":"1.0","a":"101.00000000","A":"2.0"}'
    lines.insert(2, (1.3, wrapped(book, "bookTicker")))
    running = play(written(tmp_path / "a", lines))
    client = running.connect("/ws/btcusdt@trade/btcusdt@ticker")
    messages = [json.loads(text) for text in received(client, final(5))]
    last = messages[-1]

    assert ["trade", "trade", "24hrTicker", "trade", "trade", "24hrTicker", "trade",
            "24hrTicker"] == [message["e"] for message in messages]  # fmt: skip
    for before, message in itertools.pairwise(messages):
        if message["e"] == "24hrTicker":
            assert (before["p"], before["t"], before["E"]) == (
                message["c"], message["L"], message["E"],
            )  # fmt: skip
    assert ("100.00000000", "130.00000000", "90.00000000", "2.50000000", "275.00000000") == (
        last["o"], last["h"], last["l"], last["v"], last["q"],
    )  # fmt: skip
    assert (1, 5, 5, "100.00000000", "20.00000000", "20.000") == (
        last["F"], last["L"], last["n"], last["x"], last["p"], last["P"],
    )  # fmt: skip
    assert ("99.00000000", "2.00000000") == (last["b"], last["A"])
    assert 1_723_161_255_009 == last["O"]


def test_a_recorded_ticker_wins(play, tmp_path) -> None:
    """Where the recording has tickers, none is derived."""
    ticker = '{"e":"24hrTicker","E":5,"s":"BTCUSDT","c":"7"}'
    lines = [(0.0, wrapped(trade(1))), (0.5, wrapped(ticker, "ticker")), (2.5, wrapped(trade(2)))]
    running = play(written(tmp_path / "a", lines))
    client = running.connect("/ws/btcusdt@ticker/btcusdt@trade")

    assert [trade(1), ticker, trade(2)] == [client.recv() for _ in range(3)]


def test_the_recording_waits_for_a_subscriber_of_its_symbols(play, tmp_path, room) -> None:
    """Nothing is played before the first subscription to a recorded symbol."""
    running = play(written(tmp_path / "a", [(0.0, wrapped(trade(1)))]), delay=START_DELAY)
    client = running.connect("/ws/ethusdt@trade")
    time.sleep(0.7)
    before = running.get("/control")["tape"]
    asked = time.monotonic()
    room.command(client, method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
    client.recv()

    assert (False, 0) == (before["started"], before["frames"])
    assert 0.4 < time.monotonic() - asked


def test_speed_scales_the_recorded_times(play, tmp_path) -> None:
    """A thousand times as fast takes a thousandth of the time."""
    lines = [(number * 50.0, wrapped(trade(number))) for number in range(9)]
    running = play(written(tmp_path / "a", lines), speed=1000.0)
    began = time.monotonic()
    client = running.connect("/ws/btcusdt@trade")
    for _ in lines:
        client.recv()

    assert 0.4 <= time.monotonic() - began < PATIENCE


def test_the_rest_calls_use_the_recording(play, tmp_path, room) -> None:
    """24 h figures, bars, symbols and depth follow from what was played."""
    depth = '{"lastUpdateId":7,"bids":[["99.0","1.0"]],"asks":[["101.0","1.0"]]}'
    lines = [(0.0, wrapped(trade(1))), (0.1, depth), (61.0, wrapped(trade(6100, "105.0")))]
    running = play(written(tmp_path / "a", lines))
    before = running.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    running.connect("/ws/btcusdt@trade")
    room.wait_until(lambda: running.get("/control")["tape"]["finished"])
    day = running.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    rows = running.get("/api/v3/klines?symbol=BTCUSDT&interval=1m")

    assert ("0.00000000", 0) == (before["lastPrice"], before["count"])
    assert ("105.00000000", "100.00000000", 2) == (day["lastPrice"], day["openPrice"], day["count"])
    assert [1, 1] == [row[8] for row in rows]
    assert ["BTCUSDT"] == [day["symbol"] for day in running.get("/api/v3/ticker/24hr")]
    assert [["99.00000000", "1.00000000"]] == running.get("/api/v3/depth?symbol=BTCUSDT")["bids"]


def test_a_slow_reader_misses_nothing(play, tmp_path, room) -> None:
    """At full speed the replay waits for a client that does not read for a while."""
    padding = "x" * 100_000
    lines = [
        (number / 1000, wrapped(trade(number, "1.0")[:-1] + f',"padding":"{padding}"}}'))
        for number in range(1, 71)
    ]
    running = play(written(tmp_path / "a", lines))
    small = (socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client = running.connect("/ws/btcusdt@trade", sockopt=[small])
    time.sleep(0.5)
    halfway = running.get("/control")["tape"]
    ids = [json.loads(client.recv())["t"] for _ in lines]

    assert halfway["finished"] is False
    assert list(range(1, 71)) == ids
    room.wait_until(lambda: running.get("/control")["tape"]["finished"])


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded market data is not here")
def test_the_real_recording_is_replayed_without_a_loss(play, room) -> None:
    """Every trade arrives in order, and the last ticker agrees with all of them."""
    running = play(*sorted(RECORDED.glob("*.gz")))
    client = running.connect("/ws/btcusdt@trade/btcusdt@ticker")
    client.settimeout(PATIENCE)
    trades: list[Any] = []
    tickers: list[Any] = []
    while not tickers or tickers[-1]["L"] < 3735693015:
        message = json.loads(client.recv())
        (trades if message["e"] == "trade" else tickers).append(message)
        if len(trades) == 9757 and tickers[-1]["L"] == trades[-1]["t"]:
            break
    volume = sum(Decimal(message["q"]) for message in trades)
    quote = sum(Decimal(message["q"]) * Decimal(message["p"]) for message in trades)
    last = tickers[-1]
    room.wait_until(lambda: running.get("/control")["tape"]["finished"])

    assert sorted(message["t"] for message in trades) == [message["t"] for message in trades]
    assert 9757 == len(trades) == last["n"]
    assert volume == Decimal(last["v"])
    assert quote.quantize(Decimal("1e-8"), ROUND_DOWN) == Decimal(last["q"])
    assert trades[-1]["p"] == last["c"]
    assert 0 == running.get("/control")["tape"]["skipped"]
    assert 340 < len(tickers) < 350


def date_header(running: Any, path: str) -> str | None:
    """The date in the answer to a handshake."""
    header: str | None = running.connect(path).handshake_response.headers.get("x-recorded-at")
    return header


def test_the_handshake_tells_when_it_was_recorded(play, tmp_path) -> None:
    """At every provider, over HTTP as well: the time of the earliest line of all recordings."""
    later = tmp_path / "day.kraken"
    later.write_text(f"{START + 3 * SECOND} {{}}\n")
    running = play(later, written(tmp_path / "a", [(0, wrapped(trade(1)))]))
    _, _, headers = running.request("/api/v3/ping")

    assert ["2024-08-08T23:54:14Z"] * 3 == [
        date_header(running, "/ws"),
        date_header(running, "/kraken/v2"),
        headers["X-Recorded-At"],
    ]


def test_a_redated_recording_says_nothing(play, tmp_path) -> None:
    """Nor does the control interface of any recording."""
    recording = written(tmp_path / "a", [(0, wrapped(trade(1)))])
    running = play(recording, redate=True)

    assert date_header(running, "/ws") is None
    assert running.request("/api/v3/ping")[2]["X-Recorded-At"] is None
    assert play(recording).request("/control")[2]["X-Recorded-At"] is None


def test_the_model_tells_no_date(running) -> None:
    """It happens now."""
    assert date_header(running, "/ws") is None


def test_a_redated_recording_happens_now(play, tmp_path) -> None:
    """Its events, the tickers made of them and the exchange's own time are of now; prices and ids
    are as recorded."""
    lines = [(number / 100, wrapped(trade(number))) for number in range(1, 20)]
    before = time.time_ns() // 1_000_000
    running = play(written(tmp_path / "a", lines), speed=1.0, redate=True)
    client = running.connect("/ws/btcusdt@trade/btcusdt@ticker")
    messages = [json.loads(text) for text in received(client, final(19))]
    now = time.time_ns() // 1_000_000
    trades, (ticker,) = messages[:-1], messages[-1:]

    # The events are a second after their line.
    assert all(before <= message["E"] <= now + 2000 for message in messages)
    assert all(trade["E"] - 1 == trade["T"] for trade in trades)
    assert [10] * 18 == [one["E"] - two["E"] for two, one in itertools.pairwise(trades)]
    assert list(range(1, 20)) == [trade["t"] for trade in trades]
    assert before - 86_400_000 < ticker["O"] < ticker["C"] <= now + 2000
