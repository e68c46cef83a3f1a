import gzip
from pathlib import Path

import pytest

from simulator.recording import Recording, RecordingError

TRADE = '{"e":"trade","E":5,"s":"BTCUSDT","t":%d,"p":"1.0","q":"1.0","T":5,"m":true,"M":true}'
WRAPPED = '{"stream":"btcusdt@trade", "data": %s}'


def written(path: Path, *lines: str) -> Path:
    """A plain recording file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(*files: Path) -> tuple[list[tuple[int, str]], int]:
    """Times and streams of a recording, and how many lines were skipped."""
    recording = Recording.open(files)
    lines = [(line.time, line.stream) for line in recording.play()]
    return lines, recording.skipped


def test_both_line_formats_are_read(tmp_path: Path) -> None:
    """Nanoseconds, or seconds with a colon; wrapped or bare."""
    path = written(
        tmp_path / "a",
        "1723161254087896568 " + WRAPPED % (TRADE % 1),
        "1723161255.25: " + TRADE % 2,
        '1723161256.5: {"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}',
        '1723161257.5: {"e":"kline","E":1,"s":"ETHUSDT","k":{"i":"1m"}}',
    )

    assert (
        [
            (1723161254087896568, "btcusdt@trade"),
            (1723161255250000000, "btcusdt@trade"),
            (1723161256500000000, "btcusdt@bookTicker"),
            (1723161257500000000, "ethusdt@kline_1m"),
        ],
        0,
    ) == read(path)


def test_the_recorded_bytes_are_kept(tmp_path: Path) -> None:
    """Frame and event are passed on unchanged, with all blanks."""
    path = written(tmp_path / "a", "7 " + WRAPPED % (TRADE % 1))
    (line,) = Recording.open([path]).play()

    assert (WRAPPED % (TRADE % 1)).encode() == line.wrapped
    assert (TRADE % 1).encode() == line.data


def test_files_are_merged_in_their_own_order(tmp_path: Path) -> None:
    """By receive time between files, never within one."""
    first = written(tmp_path / "a", *(f"{time} {TRADE % 1}" for time in (10, 30, 20, 40)))
    eth = TRADE.replace("BTC", "ETH")
    second = written(tmp_path / "b", *(f"{time} {eth % 1}" for time in (15, 35)))

    lines, _ = read(first, second)

    assert [10, 30, 20, 40] == [time for time, stream in lines if stream.startswith("btc")]
    assert [10, 15, 30, 20, 35, 40] == [time for time, _ in lines]


def test_what_cannot_be_read_is_counted_and_skipped(tmp_path: Path) -> None:
    """Truncated, empty, malformed and nested lines are never fatal."""
    good = f"5 {TRADE % 1}"
    path = written(
        tmp_path / "a",
        good,
        '6 {"stream":"btcusdt@trade","data":{"e":"tra',
        "not a line",
        "7",
        "8 [1,2]",
        "9 " + "[" * 5000,
        "x9 {}",
        '1.2.3: {"e":"trade"}',
        '10 {"stream":"btcusdt@trade"}',
        '11 {"stream":5,"data":{}}',
        "",
        '12 {"result":null,"id":1}',
        good,
    )

    lines, skipped = read(path)

    assert 2 == len(lines)
    assert 9 == skipped


def test_the_recorders_notes_are_skipped(tmp_path: Path) -> None:
    """Connections and requests are noted between the messages; only depth answers are used."""
    depth = '{"lastUpdateId":7,"bids":[],"asks":[]}'
    path = written(
        tmp_path / "a",
        "wss://host/stream?streams=a <-> 1633998511.1",
        'wss://host/stream <- 1633998511.2: {"method":"SUBSCRIBE"}',
        f"https://host/api/v3/depth?symbol=NKNUSDT&limit=1000 -> 1633998512.3: {depth}",
        'https://host/api/v3/time -> 1633998512.4: {"serverTime":5}',
        f"1633998513.0: {TRADE % 1}",
        f"1633998514.0: {depth}",
    )

    assert (
        [
            (1633998512300000000, "nknusdt@snapshot"),
            (1633998513000000000, "btcusdt@trade"),
            (1633998514000000000, "btcusdt@snapshot"),
        ],
        0,
    ) == read(path)


def test_a_truncated_archive_is_read_to_its_end(tmp_path: Path) -> None:
    """Every complete line counts."""
    lines = "".join(f"{time} {TRADE % time}\n" for time in range(3000))
    whole = gzip.compress(lines.encode())
    path = tmp_path / "a.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])

    events, skipped = read(path)

    assert 500 < len(events) < 3000
    assert 1 == skipped


def test_symbols_are_known_beforehand(tmp_path: Path) -> None:
    """From the beginning of each file."""
    path = written(tmp_path / "a", f"1 {TRADE % 1}", f"2 {TRADE.replace('BTC', 'ETH') % 1}")

    assert ["BTCUSDT", "ETHUSDT"] == Recording.open([path]).symbols


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    """Missing, empty or foreign files stop the start with their name."""
    foreign = written(tmp_path / "foreign.txt", "hello", "world")
    for path in (tmp_path / "missing.gz", foreign, tmp_path):
        with pytest.raises(RecordingError) as caught:
            Recording.open([path])

        assert str(path) in str(caught.value)
