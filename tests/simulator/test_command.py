import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator import command
from simulator.command import exchange
from simulator.provider_server import ProviderServer

TRADE = '{"e":"trade","E":5,"s":"%s","t":1,"p":"1.0","q":"1.0","T":5,"m":true,"M":true}'


@pytest.fixture
def started(monkeypatch) -> list[tuple[ProviderServer, int, bool]]:
    """The calls of `serve`, which does nothing here."""
    calls: list[tuple[ProviderServer, int, bool]] = []

    async def serve(simulator: ProviderServer, port: int, exit_with_stdin: bool) -> None:
        calls.append((simulator, port, exit_with_stdin))

    monkeypatch.setattr(command, "serve", serve)
    return calls


def recordings(folder: Path) -> list[str]:
    """Three recording files of one symbol each."""
    paths = [folder / f"{symbol}.tape" for symbol in ("AUSDT", "BUSDT", "CUSDT")]
    for path in paths:
        path.write_text(f"7 {TRADE % path.stem}\n")
    return [str(path) for path in paths]


def test_without_a_tape_the_model_is_served(started) -> None:
    """The default port, seed 1."""
    result = CliRunner().invoke(exchange, [])
    simulator, *rest = started[0]

    assert 0 == result.exit_code
    assert [8765, False] == rest
    assert "seeded model, seed 1" == simulator.source.describe()


def test_files_may_follow_one_option_or_have_their_own(started, tmp_path: Path) -> None:
    """Both forms, and options after the files."""
    one, two, three = recordings(tmp_path)
    for arguments in (
        ["--tape", one, two, three, "--speed", "max", "--port", "0"],
        ["--port", "0", "--tape", one, "--tape", two, "--tape", three, "--speed", "max"],
    ):
        assert 0 == CliRunner().invoke(exchange, arguments).exit_code

    assert ["tape: 3 files, speed max"] * 2 == [call[0].source.describe() for call in started]
    assert ["AUSDT", "BUSDT", "CUSDT"] == list(started[0][0].source.listings)


def test_the_source_of_a_recording_is_in_its_name(started, tmp_path: Path) -> None:
    """Or in front of it."""
    paths = [tmp_path / name for name in ("day.kraken", "day.kraken.1", "other.tape")]
    for path in paths:
        path.write_text("7 {}\n")
    binance = recordings(tmp_path)[0]
    arguments = ["--tape", *map(str, paths[:2]), f"coingecko:{paths[2]}", binance]
    result = CliRunner().invoke(exchange, arguments)
    source = started[0][0].source

    assert 0 == result.exit_code
    assert "tape: 4 files, speed 1" == source.describe()
    assert ["AUSDT"] == list(source.listings)
    assert ["binance", "kraken", "coingecko"] == list(source.status()["tape"]["frames_of_venues"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--speed", "0"],
        ["--speed", "fast"],
        ["--speed", "inf"],
        ["--speed", "nan"],
        ["--port", "70000"],
        ["stray-file"],
        ["--redate"],
        ["--beat", "2", "--swing"],
        ["--tape", "no/such/file.gz"],
    ],
)
def test_wrong_arguments_end_it_with_2(started, arguments: list[str]) -> None:
    """Nothing is served, and the message names the problem."""
    result = CliRunner().invoke(exchange, arguments)

    assert 2 == result.exit_code
    assert [] == started
    assert arguments[-1] in result.output or arguments[0] in result.output


def test_a_bad_tape_is_named(started, tmp_path: Path) -> None:
    """A file without a recorded message cannot be played."""
    for name in ("notes.txt", "notes.kraken"):
        path = tmp_path / name
        path.write_text("hello\n")
        result = CliRunner().invoke(exchange, ["--tape", str(path)])

        assert 2 == result.exit_code
        assert f"{name}: no recorded message in it" in result.output


def test_a_taken_port_is_an_error() -> None:
    """The address and the reason are in the message."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(exchange, ["--port", str(port)])

    assert 1 == result.exit_code
    assert f"cannot listen on 127.0.0.1:{port}" in result.output
