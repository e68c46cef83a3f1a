"""A provider that plays its recording, over real sockets.

One file, for the reason that pushed frames, answers and the faults of both share one clock.
"""

import json
import time
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from websocket import (
    ABNF,
    WebSocketBadStatusException,
    WebSocketTimeoutException,
    create_connection,
)

from tests.processes import PATIENCE

SECOND = 1_000_000_000
START = 1_723_161_254 * SECOND
TRADE = '{"e":"trade","E":5,"s":"BTCUSDT","t":1,"p":"1.0","q":"1.0","T":5,"m":true,"M":true}'
VENUES_WITH_HTTP = {
    "/coingecko/api/v3/simple/price": "coingecko",
    "/frankfurter/v1/latest": "frankfurter",
    "/alpha_vantage/query": "alpha_vantage",
    "/exchangerate_api/v6/latest/USD": "exchangerate_api",
}


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Writes recordings of lines given as seconds after the start, and frames."""

    def write(source: str, *lines: tuple[float, str]) -> Path:
        path = tmp_path / f"day.{source}"
        path.write_text("".join(f"{START + round(at * SECOND)} {frame}\n" for at, frame in lines))
        return path

    return write


def numbered(count: int, step: float = 0.001) -> list[tuple[float, str]]:
    """So many frames of no provider's format, with a blank that no encoder of ours writes."""
    return [(number * step, f'{{"number": {number}}}') for number in range(count)]


def received(client: Any, count: int) -> list[str]:
    """The next frames, as they come."""
    return [client.recv() for _ in range(count)]


def finished(running: Any) -> bool:
    """Whether the recordings have been played."""
    return bool(running.get("/control")["tape"]["finished"])


def is_silent(client: Any, seconds: float = 0.2) -> bool:
    """Whether nothing comes for so long."""
    client.settimeout(seconds)
    try:
        client.recv()
    except WebSocketTimeoutException:
        return True
    return False


def wait_for_silence(client: Any) -> None:
    """Read what has been sent so far."""
    deadline = time.monotonic() + PATIENCE
    while not is_silent(client, 0.1):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("source", ["coinbase", "kraken", "finnhub", "alpaca", "massive"])
def test_frames_are_pushed_byte_for_byte(play, recording, source) -> None:
    """Only the recording is sent, in its order, to each client that has sent a message."""
    lines = numbered(200)
    running = play(recording(source, *lines))
    clients = [running.connect(f"/{source}") for _ in range(2)]
    for client in clients:
        client.send("anything")

    assert [[frame for _, frame in lines]] * 2 == [received(client, 200) for client in clients]


def test_a_silent_client_receives_nothing(play, recording) -> None:
    """Neither a greeting nor the recording, which goes on for the others."""
    running = play(recording("alpaca", (0.0, "[1]"), (0.001, "[2]")))
    silent, active = running.connect("/alpaca/v2/iex"), running.connect("/alpaca/v2/iex")
    active.send('{"action":"auth"}')

    assert ["[1]", "[2]"] == received(active, 2)
    assert is_silent(silent)


def test_a_client_receives_frames_from_its_first_message_on(play, recording, room) -> None:
    """Earlier frames are not sent again."""
    running = play(recording("kraken", (0.0, "early"), (2.0, "late")), speed=1.0)
    first, second = running.connect("/kraken/v2"), running.connect("/kraken/v2")
    first.send("{}")
    early = first.recv()
    second.send("{}")

    assert ("early", "late", "late") == (early, first.recv(), second.recv())


def test_frames_keep_their_distances(play, recording) -> None:
    """A gap in the recording is a gap in the replay, divided by the speed."""
    lines = [(0.0, "a"), (100.0, "b"), (500.0, "c"), (600.0, "d")]
    running = play(recording("kraken", *lines), speed=1000.0)
    client = running.connect("/kraken/v2")
    began = time.monotonic()
    client.send("{}")
    times = []
    for _ in lines:
        client.recv()
        times.append(time.monotonic() - began)

    assert all(time >= at / 1000 for time, (at, _) in zip(times, lines, strict=True))
    assert times[-1] < PATIENCE


def test_recordings_of_several_sources_have_one_clock(play, recording) -> None:
    """The first client starts all of them; the first line of the earliest is time zero."""
    running = play(
        recording("binance", (200.0, TRADE)),
        recording("kraken", (0.0, "a"), (400.0, "b")),
        speed=1000.0,
    )
    kraken, binance = running.connect("/kraken/v2"), running.connect("/ws/btcusdt@trade")
    began = time.monotonic()
    kraken.send("{}")
    fields = [(client.recv(), time.monotonic() - began) for client in (kraken, binance, kraken)]
    _, second, third = (at for _, at in fields)

    assert ["a", TRADE, "b"] == [frame for frame, _ in fields]
    assert second >= 0.2
    assert 0.4 <= third < PATIENCE


def test_a_call_gets_the_newest_answer_so_far(play, recording, room) -> None:
    """Before the first one the first; any call starts the replay."""
    running = play(recording("coingecko", (0.0, '{"a": 1}'), (0.1, "<h1>502</h1>")))
    before = running.request("/coingecko/api/v3/simple/price?ids=bitcoin")
    room.wait_until(lambda: finished(running))
    after = running.request("/coingecko/api/v3/simple/price?ids=tether")

    assert [(200, {"a": 1}), (200, b"<h1>502</h1>")] == [reply[:2] for reply in (before, after)]


def test_every_question_has_its_answer(play, recording, room) -> None:
    """Where an answer does not name its subject; with its status, whatever the key."""
    lines = [
        "200 - /api/v1/quote?symbol=AAPL&token=*** 1",
        "200 - /finnhub/api/v1/quote?symbol=MSFT 2",
        "429 17 /api/v1/quote?symbol=AAPL&token=*** no more",
    ]
    running = play(
        recording("finnhub_quote", *((at * 0.05, line) for at, line in enumerate(lines)))
    )
    quote = "/finnhub/api/v1/quote?symbol="
    first = running.request(f"{quote}AAPL&token=mine")
    room.wait_until(lambda: finished(running))
    status, body, headers = running.request(f"{quote}AAPL&token=mine")

    assert (200, 1) == first[:2]
    assert (429, b"no more", "17") == (status, body, headers["Retry-After"])
    assert 2 == running.get(f"{quote}MSFT")
    assert (503, b"nothing of this is on the tapes\n") == running.request(f"{quote}TSLA")[:2]


def test_a_call_without_an_answer_gets_none_again(play, recording) -> None:
    """Its connection ends without an answer."""
    running = play(recording("coingecko", (0.0, "000 - /api/v3/simple/price?ids=bitcoin ")))
    with pytest.raises(HTTPException):
        running.request("/coingecko/api/v3/simple/price?ids=bitcoin")

    assert 200 == running.request("/control")[0]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("alpaca", '[{"T":"success","msg":"authenticated"}]'),
        ("massive", '[{"ev":"status","status":"auth_success","message":"authenticated"}]'),
    ],
)
def test_a_late_login_gets_the_played_answer(play, recording, source, answer) -> None:
    """The newest so far; other clients do not get it again."""
    running = play(recording(source, (0.0, answer), (0.001, "price")))
    early, late = running.connect(f"/{source}"), running.connect(f"/{source}")
    early.send('{"action":"auth"}')
    fields = received(early, 2)
    late.send('{"action":"auth"}')

    assert ([answer, "price"], answer) == (fields, late.recv())
    assert is_silent(early)
    assert is_silent(late)


def test_an_answer_changes_when_its_time_comes(play, recording, room) -> None:
    """By the same clock as pushed frames."""
    running = play(
        recording("finnhub", (0.0, "a"), (6.0, "b")),
        recording("finnhub_quote", (1.0, "1"), (5.0, "2")),
        speed=20.0,
    )
    client = running.connect("/finnhub?token=anything")
    client.send("{}")
    fields = []
    for _ in range(2):
        client.recv()
        fields.append(running.get("/finnhub/api/v1/quote?symbol=AAPL"))

    assert [1, 2] == fields


def test_providers_without_a_recording_refuse(play, recording) -> None:
    """Also Binance, and HTTP at a provider where only frames were recorded."""
    running = play(recording("kraken", (0.0, "a")), recording("finnhub", (0.0, "a")))
    paths = [*VENUES_WITH_HTTP, "/api/v3/ping", "/finnhub/api/v1/quote", "/kraken/v2"]

    assert [(503, b"nothing of this is on the tapes\n")] * len(paths) == [
        running.request(path)[:2] for path in paths
    ]
    for path in ("/ws/btcusdt@trade", "/coinbase", "/alpaca/v2/iex", "/massive/stocks"):
        with pytest.raises(WebSocketBadStatusException, match="503"):
            running.connect(path)


def test_binances_recording_is_parsed_as_ever(play, recording) -> None:
    """Beside other recordings by Binance alone; by itself by every provider."""
    both = play(recording("binance", (0.0, TRADE)), recording("coingecko", (0.0, "{}")))
    binance = both.connect("/ws/btcusdt@trade")

    assert TRADE == binance.recv()
    assert 503 == both.request("/exchangerate_api/v6/latest/USD")[0]
    alone = play(recording("binance", (0.0, TRADE)))
    kraken = alone.connect("/kraken/v2")
    assert '"channel":"status"' in kraken.recv()


def test_control_counts_the_frames_of_every_provider(play, recording, room) -> None:
    """With the files, the skipped lines, and the position of the replay."""
    running = play(
        recording("binance", (0.0, TRADE), (0.1, TRADE)),
        recording("kraken", *numbered(7)),
        recording("finnhub", (0.2, "a")),
        recording("finnhub_quote", (2.5, "b"), (0.0, "c")),
    )
    before = running.get("/control")["tape"]
    running.get("/finnhub/api/v1/quote")
    room.wait_until(lambda: finished(running))
    after = running.get("/control")["tape"]

    assert {"binance": 0, "kraken": 0, "finnhub": 0} == before["frames_of_venues"]
    assert False is before["started"]
    assert {"binance": 2, "kraken": 7, "finnhub": 3} == after["frames_of_venues"]
    assert (12, 0, 2.5) == (after["frames"], after["skipped"], after["position_seconds"])
    assert ["day.binance", "day.kraken", "day.finnhub", "day.finnhub_quote"] == after["files"]


# Faults


@pytest.fixture
def long(play, recording) -> Any:
    """A recording of Kraken with a frame every hundredth of a second, and a client that receives
    it."""
    running = play(recording("kraken", *numbered(1000, 0.01)), speed=1.0)
    running.client = running.connect("/kraken/v2")
    running.client.send("{}")
    running.client.recv()
    return running


def test_a_cut_client_may_join_again(long) -> None:
    """It receives the recording from the current position."""
    client = long.client
    assert 1 == long.fault("cut", venue="kraken", how="fin")["connections"]
    with pytest.raises(Exception, match=r"lost|closed"):
        received(client, 1000)
    again = long.connect("/kraken/v2")
    again.send("{}")

    assert '{"number": 0}' != again.recv()


def test_a_muted_provider_sends_nothing(long) -> None:
    """The recording goes on meanwhile and is sent again afterwards."""
    long.fault("mute", venue="kraken")
    played = long.get("/control")["tape"]["frames"]
    wait_for_silence(long.client)
    long.clear()
    long.client.settimeout(PATIENCE)
    number = int(long.client.recv().split()[1].rstrip("}"))

    assert played < number


def test_a_delayed_provider_sends_later(long) -> None:
    """In the same order, without a loss."""
    long.fault("delay", venue="kraken", seconds=0.3)
    numbers = [int(frame.split()[1].rstrip("}")) for frame in received(long.client, 50)]

    assert list(range(numbers[0], numbers[0] + 50)) == numbers
    assert long.get("/control")["tape"]["frames"] > numbers[-1] + 10


def test_a_half_open_provider_is_dead(long) -> None:
    """Nothing is sent or answered, not even to new clients."""
    long.fault("half_open", venue="kraken")
    wait_for_silence(long.client)
    with pytest.raises(WebSocketTimeoutException):
        create_connection(f"ws://127.0.0.1:{long.port}/kraken/v2", timeout=0.2)
    long.clear()


def test_a_refusing_provider_refuses(play, recording) -> None:
    """Calls as well as handshakes."""
    running = play(recording("finnhub", (0.0, "a")), recording("finnhub_quote", (0.0, "1")))
    running.fault("refuse", venue="finnhub", status=429)

    assert 429 == running.request("/finnhub/api/v1/quote")[0]
    with pytest.raises(WebSocketBadStatusException, match="429"):
        running.connect("/finnhub?token=anything")
    running.clear()
    assert 1 == running.get("/finnhub/api/v1/quote")


def test_a_shutdown_is_a_close_frame(long) -> None:
    """There is no notice but a recorded one."""
    long.fault("server_shutdown", venue="kraken")
    opcode, payload = long.client.recv_data(control_frame=True)
    while opcode == ABNF.OPCODE_TEXT:
        assert payload.startswith(b'{"number": ')
        opcode, payload = long.client.recv_data(control_frame=True)

    assert (ABNF.OPCODE_CLOSE, 1001) == (opcode, int.from_bytes(payload[:2]))


def test_a_redated_recording_happens_now(play, recording) -> None:
    """Pushed frames and answers have present times, and are otherwise as recorded."""
    pushed = recording("kraken", (0, '{"timestamp":"2024-08-08T23:54:14.500Z","trade_id":7}'))
    answered = recording(
        "coingecko",
        (0, '200 - /coingecko/api/v3/simple/price {"last_updated_at":1723161254,"usd":1723161254}'),
    )
    running = play(pushed, answered, speed=1.0, redate=True)
    began = time.time()
    body = running.get("/coingecko/api/v3/simple/price")
    client = running.connect("/kraken/v2")
    client.send("{}")
    (frame,) = map(json.loads, received(client, 1))
    at = datetime.fromisoformat(frame["timestamp"]).timestamp()

    assert (7, 1723161254) == (frame["trade_id"], body["usd"])
    assert began - 1 <= body["last_updated_at"] <= time.time()
    assert began <= at <= time.time() + 1
