import gzip
from pathlib import Path

import pytest

from omcrm.feeds.recorder import Recorder
from omcrm.feeds.registry import POLLS, STREAMS
from simulator.byte_replay import (
    ENDPOINTS,
    READ,
    ByteReplay,
    RecordedFrame,
    RecordingFile,
    by_provider,
)
from simulator.drill.setup import ADDRESSES
from simulator.providers import PROVIDERS
from simulator.recorded_call import RecordedCall
from simulator.recording import RecordingError


def recording(*paths: Path) -> ByteReplay:
    """The files as one recording."""
    return ByteReplay.open(map(RecordingFile.of, paths))


def written(path: Path, *lines: bytes) -> Path:
    """A plain file of these lines."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("day.kraken.gz", "kraken"),
        ("day.kraken.12.gz", "kraken"),
        ("day.kraken", "kraken"),
        ("day.kraken.3", "kraken"),
        ("my.own.day.exchangerate_api.gz", "exchangerate_api"),
        ("day.exchangerate_open.1.gz", "exchangerate_open"),
        ("day.finnhub_quote.gz", "finnhub_quote"),
        ("day.binance.gz", None),
        ("day.simulated.1.gz", None),
        ("day.gz", None),
        ("kraken.gz", None),
        ("day.kraken.old.gz", None),
        ("day.kraken.gz.bak", None),
        ("day.mykraken.gz", None),
        ("folder.kraken/day.gz", None),
        ("folder/day.kraken.gz", "kraken"),
        ("btcusdt-kraken.gz", None),
        ("kraken:day.gz", "kraken"),
        ("binance:day.kraken.gz", None),
    ],
)
def test_the_name_contains_the_source(name: str, source: str | None) -> None:
    """As the recorder writes it, or in front; every other name is Binance's."""
    expected = None if source is None else ENDPOINTS[source]

    assert expected == RecordingFile.of(Path(name)).endpoint


def test_a_source_in_front_is_removed_from_the_path() -> None:
    """Where it is a known source."""
    assert RecordingFile(Path("/a/b.gz"), ENDPOINTS["coingecko"]) == RecordingFile.of(
        Path("coingecko:/a/b.gz")
    )
    assert RecordingFile(Path("nosuch:b.gz"), None) == RecordingFile.of(Path("nosuch:b.gz"))


def test_every_source_has_an_endpoint() -> None:
    """At the provider where its client connects."""
    assert {*STREAMS, *POLLS} == {*ENDPOINTS, *READ} - {"exchangerate_open"}
    assert {
        name: (ADDRESSES[name].at_exchange.split("/")[1], name not in STREAMS) for name in ENDPOINTS
    } == {name: (endpoint.provider, endpoint.over_http) for name, endpoint in ENDPOINTS.items()}
    assert {endpoint.provider for endpoint in ENDPOINTS.values()} <= PROVIDERS.keys()


def test_files_are_grouped_by_provider() -> None:
    """Two sources of one provider make one recording."""
    names = ["a.kraken.gz", "a.finnhub.gz", "a.binance.gz", "a.finnhub_quote.gz", "a.kraken.1.gz"]
    binance, others = by_provider(map(Path, names))

    assert [Path("a.binance.gz")] == binance
    assert {
        "kraken": ["a.kraken.gz", "a.kraken.1.gz"],
        "finnhub": ["a.finnhub.gz", "a.finnhub_quote.gz"],
    } == {name: [str(reading.path) for reading in readings] for name, readings in others.items()}


def test_frames_are_kept_byte_for_byte(tmp_path: Path) -> None:
    """With blanks, without JSON, or empty."""
    path = written(
        tmp_path / "a.kraken", b'5 {"a": 1} ', b"6 <h1>502</h1>", b"7 ", b"8  [\xff]", b"9.5: {}"
    )
    made = recording(path)

    assert [
        RecordedFrame(5, b'{"a": 1} ', False),
        RecordedFrame(6, b"<h1>502</h1>", False),
        RecordedFrame(7, b"", False),
        RecordedFrame(8, b" [\xff]", False),
        RecordedFrame(9_500_000_000, b"{}", False),
    ] == list(made.play())
    assert 0 == made.skipped


def test_unreadable_lines_are_counted_and_skipped(tmp_path: Path) -> None:
    """Without a time, or with nothing but a time."""
    path = written(tmp_path / "a.kraken", b"hello world", b"5", b"", b"-3 x", b"1.2.3: x", b"6 {}")
    made = recording(path)

    assert [RecordedFrame(6, b"{}", False)] == list(made.play())
    assert 4 == made.skipped


def test_parts_and_sources_are_merged(tmp_path: Path) -> None:
    """By receive time, and each frame knows whether it is an answer to a call."""
    made = recording(
        written(tmp_path / "a.finnhub", b"30 c", b"40 d"),
        written(tmp_path / "a.finnhub.1", b"10 a"),
        written(tmp_path / "a.finnhub_quote", b"35 q", b"36 r"),
        written(tmp_path / "a.finnhub_quote.1", b"20 p"),
    )

    assert [
        (b"a", False), (b"p", True), (b"c", False), (b"q", True), (b"r", True), (b"d", False),
    ] == [(frame.data, frame.is_answer) for frame in made.play()]  # fmt: skip
    assert [RecordedCall(b"p"), RecordedCall(b"q")] == made.first_answers
    assert [ENDPOINTS["finnhub"]] * 2 + [ENDPOINTS["finnhub_quote"]] * 2 == made.endpoints


def test_every_question_has_its_first_answer(tmp_path: Path) -> None:
    """In order, of all files; one is enough where an answer names its subject."""
    calls = [b"9 200 - /q?symbol=A 1", b"2 200 - /q?symbol=B 2", b"3 200 - /q?symbol=A 3"]
    quotes = recording(
        written(tmp_path / "a.finnhub_quote", *calls),
        written(tmp_path / "a.finnhub_quote.1", b"1 429 60 /q?symbol=A 4"),
    )
    coins = recording(written(tmp_path / "a.coingecko", *calls))
    pushed = recording(written(tmp_path / "a.kraken", b"1 {}"))

    assert [b"4", b"2", b"1"] == [answer.body for answer in quotes.first_answers]
    assert [b"1"] == [answer.body for answer in coins.first_answers]
    assert [] == pushed.first_answers


def test_a_truncated_archive_is_played_to_its_end(tmp_path: Path) -> None:
    """Every complete line is played."""
    lines = b"".join(b'%d {"number":%d}\n' % (number, number) for number in range(1, 3001))
    whole = gzip.compress(lines)
    path = tmp_path / "a.kraken.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    made = recording(path)
    numbers = [(frame.time, frame.data) for frame in made.play()]

    assert 500 < len(numbers) < 3000
    assert [(number, b'{"number":%d}' % number) for number in range(1, len(numbers) + 1)] == numbers
    assert 1 == made.skipped


def test_the_recorders_own_files_are_read(tmp_path: Path) -> None:
    """The same frames come back, from all parts."""
    recorder = Recorder(tmp_path / "day.gz", megabytes=1, parts=2)
    recorder.start()
    frames = [b'{"number":%d}' % number for number in range(50)]
    for frame in frames:
        recorder.take("kraken", frame)
    recorder.stop()

    assert ["day.kraken.gz"] == [path.name for path in recorder.files()]
    assert frames == [frame.data for frame in recording(*recorder.files()).play()]


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    """Missing, empty or foreign files stop the start with their name."""
    empty = written(tmp_path / "empty.kraken.gz")
    foreign = written(tmp_path / "foreign.kraken", b"hello", b"world")
    folder = tmp_path / "folder.kraken"
    folder.mkdir()
    for path in (tmp_path / "missing.kraken.gz", empty, foreign, folder):
        with pytest.raises(RecordingError) as caught:
            recording(path)

        assert str(path) in str(caught.value)
