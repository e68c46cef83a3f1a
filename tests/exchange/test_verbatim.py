import gzip
from pathlib import Path

import pytest

from omcrm.drill.scene import venue_of
from omcrm.exchange.tape import TapeError
from omcrm.exchange.taped_call import TapedCall
from omcrm.exchange.venues import VENUES
from omcrm.exchange.verbatim import PLACES, READ, Frame, Place, Reading, Verbatim, by_venue
from omcrm.feeds.recorder import Recorder
from omcrm.feeds.registry import POLLS, STREAMS


def tape(*paths: Path) -> Verbatim:
    """The files as one tape."""
    return Verbatim.open(map(Reading.of, paths))


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
def test_the_name_says_whose_a_tape_is(name: str, source: str | None) -> None:
    """As the recorder writes it, or in front; every other name is Binance's."""
    expected = None if source is None else PLACES[source]

    assert expected == Reading.of(Path(name)).place


def test_a_source_in_front_is_no_part_of_the_path() -> None:
    """What stands before the colon is taken off, where it is a source at all."""
    assert Reading(Path("/a/b.gz"), Place("coingecko", asked=True)) == Reading.of(
        Path("coingecko:/a/b.gz")
    )
    assert Reading(Path("nosuch:b.gz"), None) == Reading.of(Path("nosuch:b.gz"))


def test_what_is_recorded_can_be_played() -> None:
    """Every source of the registry has its place, at the venue where its client finds it."""
    assert {*STREAMS, *POLLS} == {*PLACES, *READ} - {"exchangerate_open"}
    assert {name: (venue_of(name), name not in STREAMS) for name in PLACES} == {
        name: (place.venue, place.asked) for name, place in PLACES.items()
    }
    assert {place.venue for place in PLACES.values()} <= VENUES.keys()


def test_files_are_sorted_by_venue() -> None:
    """Two sources of one venue make one tape."""
    names = ["a.kraken.gz", "a.finnhub.gz", "a.binance.gz", "a.finnhub_quote.gz", "a.kraken.1.gz"]
    binance, others = by_venue(map(Path, names))

    assert [Path("a.binance.gz")] == binance
    assert {
        "kraken": ["a.kraken.gz", "a.kraken.1.gz"],
        "finnhub": ["a.finnhub.gz", "a.finnhub_quote.gz"],
    } == {name: [str(reading.path) for reading in readings] for name, readings in others.items()}


def test_frames_are_kept_byte_for_byte(tmp_path: Path) -> None:
    """Whatever they are: blanks, no JSON, nothing at all."""
    path = written(
        tmp_path / "a.kraken", b'5 {"a": 1} ', b"6 <h1>502</h1>", b"7 ", b"8  [\xff]", b"9.5: {}"
    )
    made = tape(path)

    assert [
        Frame(5, b'{"a": 1} ', False),
        Frame(6, b"<h1>502</h1>", False),
        Frame(7, b"", False),
        Frame(8, b" [\xff]", False),
        Frame(9_500_000_000, b"{}", False),
    ] == list(made.play())
    assert 0 == made.skipped


def test_what_is_no_line_is_counted_and_left_out(tmp_path: Path) -> None:
    """Without a time, or with nothing but one, there is nothing to play."""
    path = written(tmp_path / "a.kraken", b"hello world", b"5", b"", b"-3 x", b"1.2.3: x", b"6 {}")
    made = tape(path)

    assert [Frame(6, b"{}", False)] == list(made.play())
    assert 4 == made.skipped


def test_parts_and_sources_are_merged(tmp_path: Path) -> None:
    """Receive time decides between files, and each frame knows whether it answered a call."""
    made = tape(
        written(tmp_path / "a.finnhub", b"30 c", b"40 d"),
        written(tmp_path / "a.finnhub.1", b"10 a"),
        written(tmp_path / "a.finnhub_quote", b"35 q", b"36 r"),
        written(tmp_path / "a.finnhub_quote.1", b"20 p"),
    )

    assert [
        (b"a", False), (b"p", True), (b"c", False), (b"q", True), (b"r", True), (b"d", False),
    ] == [(frame.data, frame.asked) for frame in made.play()]  # fmt: skip
    assert [TapedCall(b"p"), TapedCall(b"q")] == made.first_answers
    assert [PLACES["finnhub"]] * 2 + [PLACES["finnhub_quote"]] * 2 == made.places


def test_each_question_has_its_first_answer(tmp_path: Path) -> None:
    """In order, of all files; where an answer says itself what it is about, one is enough."""
    calls = [b"9 200 - /q?symbol=A 1", b"2 200 - /q?symbol=B 2", b"3 200 - /q?symbol=A 3"]
    quotes = tape(
        written(tmp_path / "a.finnhub_quote", *calls),
        written(tmp_path / "a.finnhub_quote.1", b"1 429 60 /q?symbol=A 4"),
    )
    coins = tape(written(tmp_path / "a.coingecko", *calls))
    pushed = tape(written(tmp_path / "a.kraken", b"1 {}"))

    assert [b"4", b"2", b"1"] == [answer.body for answer in quotes.first_answers]
    assert [b"1"] == [answer.body for answer in coins.first_answers]
    assert [] == pushed.first_answers


def test_a_recording_that_was_killed_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    """An archive without an end gives every line that is whole."""
    lines = b"".join(b'%d {"number":%d}\n' % (number, number) for number in range(1, 3001))
    whole = gzip.compress(lines)
    path = tmp_path / "a.kraken.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    made = tape(path)
    numbers = [(frame.time, frame.data) for frame in made.play()]

    assert 500 < len(numbers) < 3000
    assert [(number, b'{"number":%d}' % number) for number in range(1, len(numbers) + 1)] == numbers
    assert 1 == made.skipped


def test_the_recorders_own_tapes_are_read(tmp_path: Path) -> None:
    """What it is given comes back, from all of its parts."""
    recorder = Recorder(tmp_path / "day.gz", megabytes=1, parts=2)
    recorder.start()
    frames = [b'{"number":%d}' % number for number in range(50)]
    for frame in frames:
        recorder.take("kraken", frame)
    recorder.stop()

    assert ["day.kraken.gz"] == [path.name for path in recorder.files()]
    assert frames == [frame.data for frame in tape(*recorder.files()).play()]


def test_a_file_that_is_no_tape_is_named(tmp_path: Path) -> None:
    """Missing, empty or foreign files stop the start with their name."""
    empty = written(tmp_path / "empty.kraken.gz")
    foreign = written(tmp_path / "foreign.kraken", b"hello", b"world")
    folder = tmp_path / "folder.kraken"
    folder.mkdir()
    for path in (tmp_path / "missing.kraken.gz", empty, foreign, folder):
        with pytest.raises(TapeError) as caught:
            tape(path)

        assert str(path) in str(caught.value)
