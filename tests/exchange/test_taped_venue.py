"""A venue that plays its tape, over real sockets; one file for a reason: what is pushed, what is
asked and the faults of both go by one clock.
"""

import time
from collections.abc import Callable
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
def tape(tmp_path: Path) -> Callable[..., Path]:
    """Writes tapes of lines given as seconds after the start, and frames."""

    def write(source: str, *lines: tuple[float, str]) -> Path:
        path = tmp_path / f"day.{source}"
        path.write_text("".join(f"{START + round(at * SECOND)} {frame}\n" for at, frame in lines))
        return path

    return write


def numbered(count: int, step: float = 0.001) -> list[tuple[float, str]]:
    """So many frames of no venue's, with a blank that no encoder of ours would write."""
    return [(number * step, f'{{"number": {number}}}') for number in range(count)]


def received(client: Any, count: int) -> list[str]:
    """So many frames, as they come."""
    return [client.recv() for _ in range(count)]


def finished(running: Any) -> bool:
    """Whether the tapes have been played."""
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
    """Take what was on its way."""
    deadline = time.monotonic() + PATIENCE
    while not is_silent(client, 0.1):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("source", ["coinbase", "kraken", "finnhub", "alpaca", "massive"])
def test_frames_are_pushed_byte_for_byte(play, tape, source) -> None:
    """Nothing but the tape is said, in its order, to each client that has said something."""
    lines = numbered(200)
    running = play(tape(source, *lines))
    clients = [running.connect(f"/{source}") for _ in range(2)]
    for client in clients:
        client.send("anything")

    assert [[frame for _, frame in lines]] * 2 == [received(client, 200) for client in clients]


def test_who_says_nothing_hears_nothing(play, tape) -> None:
    """Neither a greeting nor the tape, which goes on for the others."""
    running = play(tape("alpaca", (0.0, "[1]"), (0.001, "[2]")))
    silent, asking = running.connect("/alpaca/v2/iex"), running.connect("/alpaca/v2/iex")
    asking.send('{"action":"auth"}')

    assert ["[1]", "[2]"] == received(asking, 2)
    assert is_silent(silent)


def test_a_client_hears_what_comes_after_it_joined(play, tape, room) -> None:
    """What was played before is not told again."""
    running = play(tape("kraken", (0.0, "early"), (2.0, "late")), speed=1.0)
    first, second = running.connect("/kraken/v2"), running.connect("/kraken/v2")
    first.send("{}")
    early = first.recv()
    second.send("{}")

    assert ("early", "late", "late") == (early, first.recv(), second.recv())


def test_frames_keep_their_distances(play, tape) -> None:
    """A gap in the recording is a gap in the playback, so many times shorter."""
    lines = [(0.0, "a"), (100.0, "b"), (500.0, "c"), (600.0, "d")]
    running = play(tape("kraken", *lines), speed=1000.0)
    client = running.connect("/kraken/v2")
    began = time.monotonic()
    client.send("{}")
    times = []
    for _ in lines:
        client.recv()
        times.append(time.monotonic() - began)

    assert all(time >= at / 1000 for time, (at, _) in zip(times, lines, strict=True))
    assert times[-1] < PATIENCE


def test_tapes_of_several_sources_have_one_clock(play, tape) -> None:
    """The first to ask begins all of them; the first line of the earliest is time zero."""
    running = play(
        tape("binance", (200.0, TRADE)), tape("kraken", (0.0, "a"), (400.0, "b")), speed=1000.0
    )
    kraken, binance = running.connect("/kraken/v2"), running.connect("/ws/btcusdt@trade")
    began = time.monotonic()
    kraken.send("{}")
    told = [(client.recv(), time.monotonic() - began) for client in (kraken, binance, kraken)]
    _, second, third = (at for _, at in told)

    assert ["a", TRADE, "b"] == [frame for frame, _ in told]
    assert second >= 0.2
    assert 0.4 <= third < PATIENCE


def test_a_call_gets_the_newest_answer_so_far(play, tape, room) -> None:
    """Before the first it gets the first, and begins the playing; what it asks for is all one."""
    running = play(tape("coingecko", (0.0, '{"a": 1}'), (0.1, "<h1>502</h1>")))
    before = running.request("/coingecko/api/v3/simple/price?ids=bitcoin")
    room.wait_until(lambda: finished(running))
    after = running.request("/coingecko/api/v3/simple/price?ids=tether")

    assert [(200, {"a": 1}), (200, b"<h1>502</h1>")] == [reply[:2] for reply in (before, after)]


def test_each_question_has_its_answer(play, tape, room) -> None:
    """Where an answer does not say what it is about; with its status, and however it is keyed."""
    lines = [
        "200 - /api/v1/quote?symbol=AAPL&token=*** 1",
        "200 - /finnhub/api/v1/quote?symbol=MSFT 2",
        "429 17 /api/v1/quote?symbol=AAPL&token=*** no more",
    ]
    running = play(tape("finnhub_quote", *((at * 0.05, line) for at, line in enumerate(lines))))
    quote = "/finnhub/api/v1/quote?symbol="
    first = running.request(f"{quote}AAPL&token=mine")
    room.wait_until(lambda: finished(running))
    status, body, headers = running.request(f"{quote}AAPL&token=mine")

    assert (200, 1) == first[:2]
    assert (429, b"no more", "17") == (status, body, headers["Retry-After"])
    assert 2 == running.get(f"{quote}MSFT")
    assert (503, b"nothing of this is on the tapes\n") == running.request(f"{quote}TSLA")[:2]


def test_a_call_without_an_answer_gets_none_again(play, tape) -> None:
    """Its connection ends, without a word."""
    running = play(tape("coingecko", (0.0, "000 - /api/v3/simple/price?ids=bitcoin ")))
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
def test_who_logs_in_late_gets_the_answer_that_was_played(play, tape, source, answer) -> None:
    """The newest so far, once he asks for it; nobody else hears it again."""
    running = play(tape(source, (0.0, answer), (0.001, "price")))
    early, late = running.connect(f"/{source}"), running.connect(f"/{source}")
    early.send('{"action":"auth"}')
    told = received(early, 2)
    late.send('{"action":"auth"}')

    assert ([answer, "price"], answer) == (told, late.recv())
    assert is_silent(early)
    assert is_silent(late)


def test_an_answer_changes_when_its_time_comes(play, tape, room) -> None:
    """By the same clock as what is pushed."""
    running = play(
        tape("finnhub", (0.0, "a"), (6.0, "b")),
        tape("finnhub_quote", (1.0, "1"), (5.0, "2")),
        speed=20.0,
    )
    client = running.connect("/finnhub?token=anything")
    client.send("{}")
    told = []
    for _ in range(2):
        client.recv()
        told.append(running.get("/finnhub/api/v1/quote?symbol=AAPL"))

    assert [1, 2] == told


def test_venues_without_a_tape_refuse(play, tape) -> None:
    """Also Binance, and a kind of question that was not recorded at a venue that was."""
    running = play(tape("kraken", (0.0, "a")), tape("finnhub", (0.0, "a")))
    paths = [*VENUES_WITH_HTTP, "/api/v3/ping", "/finnhub/api/v1/quote", "/kraken/v2"]

    assert [(503, b"nothing of this is on the tapes\n")] * len(paths) == [
        running.request(path)[:2] for path in paths
    ]
    for path in ("/ws/btcusdt@trade", "/coinbase", "/alpaca/v2/iex", "/massive/stocks"):
        with pytest.raises(WebSocketBadStatusException, match="503"):
            running.connect(path)


def test_binances_own_tape_is_told_as_ever(play, tape) -> None:
    """Beside tapes of others, by Binance alone; by itself, by every venue in its words."""
    both = play(tape("binance", (0.0, TRADE)), tape("coingecko", (0.0, "{}")))
    binance = both.connect("/ws/btcusdt@trade")

    assert TRADE == binance.recv()
    assert 503 == both.request("/exchangerate_api/v6/latest/USD")[0]
    alone = play(tape("binance", (0.0, TRADE)))
    kraken = alone.connect("/kraken/v2")
    assert '"channel":"status"' in kraken.recv()


def test_control_counts_the_frames_of_each_venue(play, tape, room) -> None:
    """With the files, what was skipped, and how far the tapes have come."""
    running = play(
        tape("binance", (0.0, TRADE), (0.1, TRADE)),
        tape("kraken", *numbered(7)),
        tape("finnhub", (0.2, "a")),
        tape("finnhub_quote", (2.5, "b"), (0.0, "c")),
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
def long(play, tape) -> Any:
    """A tape of Kraken with a frame every hundredth of a second, and a client that hears it."""
    running = play(tape("kraken", *numbered(1000, 0.01)), speed=1.0)
    running.client = running.connect("/kraken/v2")
    running.client.send("{}")
    running.client.recv()
    return running


def test_a_cut_client_may_join_again(long) -> None:
    """It hears the tape where it is by then."""
    client = long.client
    assert 1 == long.fault("cut", venue="kraken", how="fin")["connections"]
    with pytest.raises(Exception, match=r"lost|closed"):
        received(client, 1000)
    again = long.connect("/kraken/v2")
    again.send("{}")

    assert '{"number": 0}' != again.recv()


def test_a_mute_venue_says_nothing(long) -> None:
    """The tape goes on meanwhile, and is heard again afterwards."""
    long.fault("mute", venue="kraken")
    played = long.get("/control")["tape"]["frames"]
    wait_for_silence(long.client)
    long.clear()
    long.client.settimeout(5)
    number = int(long.client.recv().split()[1].rstrip("}"))

    assert played < number


def test_a_delayed_venue_says_it_later(long) -> None:
    """In the same order, without a loss."""
    long.fault("delay", venue="kraken", seconds=0.3)
    numbers = [int(frame.split()[1].rstrip("}")) for frame in received(long.client, 50)]

    assert list(range(numbers[0], numbers[0] + 50)) == numbers
    assert long.get("/control")["tape"]["frames"] > numbers[-1] + 10


def test_a_half_open_venue_is_dead(long) -> None:
    """Nothing is said or answered, not even to who is new."""
    long.fault("half_open", venue="kraken")
    wait_for_silence(long.client)
    with pytest.raises(WebSocketTimeoutException):
        create_connection(f"ws://127.0.0.1:{long.port}/kraken/v2", timeout=0.2)
    long.clear()


def test_a_refusing_venue_refuses(play, tape) -> None:
    """Calls as well as handshakes."""
    running = play(tape("finnhub", (0.0, "a")), tape("finnhub_quote", (0.0, "1")))
    running.fault("refuse", venue="finnhub", status=429)

    assert 429 == running.request("/finnhub/api/v1/quote")[0]
    with pytest.raises(WebSocketBadStatusException, match="429"):
        running.connect("/finnhub?token=anything")
    running.clear()
    assert 1 == running.get("/finnhub/api/v1/quote")


def test_the_end_is_said_without_words_of_the_venue(long) -> None:
    """A shutdown is a close frame; there is no notice but a recorded one."""
    long.fault("server_shutdown", venue="kraken")
    opcode, payload = long.client.recv_data(control_frame=True)
    while opcode == ABNF.OPCODE_TEXT:
        assert payload.startswith(b'{"number": ')
        opcode, payload = long.client.recv_data(control_frame=True)

    assert (ABNF.OPCODE_CLOSE, 1001) == (opcode, int.from_bytes(payload[:2]))
