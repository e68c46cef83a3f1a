import gzip
from pathlib import Path

import pytest

from omcrm.feeds import recorder
from omcrm.feeds.provider import Call, Reply
from omcrm.feeds.recorder import Recorder, asked


def lines(path: Path) -> list[bytes]:
    with gzip.open(path) as recording:
        return recording.read().splitlines()


def test_frames_are_kept_as_they_came(tmp_path: Path) -> None:
    """Each source has its recording; a line is the time of arrival and the frame."""
    kept = Recorder(tmp_path / "tapes" / "day.gz")
    kept.start()
    kept.take("binance", b'{"a": 1}')
    kept.take("coinbase", b'{"b":\n2}')
    kept.take("binance", b"\xff\xfe")
    kept.stop()
    binance = lines(tmp_path / "tapes" / "day.binance.gz")
    times = [int(line.split(b" ")[0]) for line in binance]

    assert [b'{"a": 1}', b"\xff\xfe"] == [line.split(b" ", 1)[1] for line in binance]
    assert times == sorted(times)
    assert b'{"b": 2}' == lines(tmp_path / "tapes" / "day.coinbase.gz")[0].split(b" ", 1)[1]
    assert (3, 0) == (kept.frames, kept.lost)


@pytest.mark.parametrize(
    ("url", "reply", "frame"),
    [
        ("https://a.b/c/d?e=f", Reply(200, {}, b'{"g": 1}'), b'200 - /c/d?e=f {"g": 1}'),
        ("http://a.b:1/c", Reply(429, {"retry-after": "60"}, b""), b"429 60 /c "),
        ("http://a.b", Reply(503, {"retry-after": "Fri, 31 Dec"}, b"\xff x"), b"503 - / \xff x"),
        ("http://a.b/c", None, b"000 - /c "),
    ],
)
def test_a_call_is_kept_with_its_answer(url: str, reply: Reply | None, frame: bytes) -> None:
    """The line has the path, the status and the time to wait; also without an answer."""
    assert frame == asked(Call(url, ()), reply)


def test_the_disk_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full recording is rotated, and the oldest part is deleted."""
    monkeypatch.setattr(recorder, "_MEGABYTE", 4_000)
    monkeypatch.setattr(recorder, "_FLUSH_EVERY", 0.0)
    kept = Recorder(tmp_path / "day.gz", megabytes=1, parts=3)
    kept.start()
    for number in range(2_000):
        kept.take("binance", b"%064x" % (number * 2**200 // 7))
    kept.stop()
    parts = sorted(path.name for path in tmp_path.iterdir())

    assert ["day.binance.1.gz", "day.binance.2.gz", "day.binance.gz"] == parts
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3 * 4_000
    assert lines(tmp_path / "day.binance.1.gz")


def test_what_cannot_wait_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow disk does not block a feed."""
    monkeypatch.setattr(recorder, "_MOST_WAITING", 2)
    kept = Recorder(tmp_path / "day.gz")
    for _ in range(5):
        kept.take("binance", b"{}")

    assert 3 == kept.lost
