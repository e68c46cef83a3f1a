"""Who is believed that a recording is played."""

from datetime import UTC, datetime

import pytest

from omcrm.feeds.recording_date import HEADER, is_loopback, recorded_at

DATE = datetime(2024, 8, 8, 23, 54, 13, tzinfo=UTC)
ELSEWHERE = "wss://feeds.example.com:9443/ws"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("stream.binance.com", False),
    ],
)
def test_loopback_is_known_by_its_name(host: str, expected: bool) -> None:
    """No name is looked up: who controls it could point it anywhere."""
    assert expected is is_loopback(host)


@pytest.mark.parametrize(
    ("url", "replay_of", "heeded"),
    [
        ("ws://127.0.0.1:8765/kraken/v2", (), True),
        ("http://localhost:8765/kraken", (), True),
        ("ws://[::1]:8765", (), True),
        (ELSEWHERE, (), False),
        (ELSEWHERE, ("binance", "example.com"), False),
        (ELSEWHERE, ("kraken",), True),
        (ELSEWHERE, ("feeds.example.com",), True),
        ("not a url", (), False),
    ],
)
def test_only_loopback_and_what_is_named_is_believed(
    url: str, replay_of: tuple[str, ...], heeded: bool
) -> None:
    """REPLAY_OF names the source or the host of its URL."""
    headers = {HEADER: "2024-08-08T23:54:13Z"}

    assert (DATE if heeded else None) == recorded_at("kraken", url, headers, replay_of)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-08-09T01:54:13+02:00", DATE),
        ("2024-08-08", datetime(2024, 8, 8, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_read_in_utc(text: str, expected: datetime | None) -> None:
    """With or without an hour; what is no date is none."""
    assert expected == recorded_at("kraken", "ws://127.0.0.1", {HEADER: text}, ())


def test_nothing_said_is_no_recording() -> None:
    """The prices of an upstream that says nothing are of now."""
    assert None is recorded_at("kraken", "ws://127.0.0.1", {"date": "2024-08-08"}, ("kraken",))
