import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.maintenance.finding import Condition, Finding
from omcrm.maintenance.source_check import check_sources


@contextmanager
def upstream(ahead: timedelta = timedelta()) -> Iterator[str]:
    """The address of a host that answers 404, with its own time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(10_000)
                    date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
                    head = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
                    client.sendall(head.encode())

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def unused() -> str:
    """An address where nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def findings(*, is_demo: bool = False, key: str = "", **hosts: str) -> dict[str, Finding]:
    urls = {
        name: f"{'http' if name == 'coingecko' else 'ws'}://{host}/ws"
        for name, host in hosts.items()
    }
    settings = FeedSettings(urls=urls, keys=Keys(lambda _: key))
    return {finding.part: finding for finding in check_sources(settings, is_demo=is_demo)}


def test_sources_that_answer() -> None:
    """Whatever they answer: what is asked is no call of theirs."""
    with upstream() as host:
        parts = findings(binance=host, coingecko=host)

    for part in ("source binance", "source coingecko", "clock (sources)"):
        assert Condition.OK is parts[part].condition
    assert Condition.SKIPPED is parts["source kraken"].condition
    assert "sources" not in parts


def test_a_source_without_its_key_is_not_asked() -> None:
    """The setting that it lacks is named."""
    parts = findings(finnhub=unused())

    assert "no key: FINNHUB_API_KEY is not set" == parts["source finnhub"].text


def test_one_source_that_is_away() -> None:
    """The others are enough; no key is shown."""
    with upstream() as host:
        parts = findings(binance=host, finnhub=unused(), key="key-of-ours")

    assert Condition.WARNING is parts["source finnhub"].condition
    assert "127.0.0.1: connection refused" == parts["source finnhub"].text
    assert "sources" not in parts
    assert not any("key-of-ours" in str(finding) for finding in parts.values())


def test_all_sources_away() -> None:
    """A demonstration still has its own prices."""
    parts, demo = findings(binance=unused()), findings(binance=unused(), is_demo=True)

    assert Condition.PROBLEM is parts["sources"].condition
    assert Condition.WARNING is demo["sources"].condition
    assert "clock (sources)" not in parts


def test_the_clock_is_compared_with_most_sources() -> None:
    """One that is wrong alone does not matter."""
    with upstream() as right, upstream(timedelta(minutes=5)) as wrong:
        parts = findings(binance=right, kraken=wrong, okx=right)
        alone = findings(kraken=wrong)

    assert Condition.OK is parts["clock (sources)"].condition
    assert Condition.PROBLEM is alone["clock (sources)"].condition
    assert "behind most sources'" in alone["clock (sources)"].text
