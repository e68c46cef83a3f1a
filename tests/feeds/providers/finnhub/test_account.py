import msgspec
import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import Event, FrameContext, Reply
from omcrm.feeds.providers import finnhub
from omcrm.feeds.providers.finnhub.poll import FinnhubQuote
from omcrm.feeds.providers.finnhub.stream import Finnhub
from tests.feeds.samples import reply
from tests.values import START

SECRET = "c9s3cr3tfinnhubkey"
KEYS = Keys({finnhub.KEY.env: SECRET}.__getitem__)
STREAM = Finnhub("wss://ws.finnhub.io", KEYS)
QUOTES = FinnhubQuote("https://finnhub.io/api/v1", KEYS)
ARRIVAL = FrameContext(START, 3, {"AAPL": "AAPL"})


def ask(name: str, answer: Reply) -> list[Event]:
    (call,) = QUOTES.calls([name])
    return list(QUOTES.parse(call, answer, ARRIVAL))


def events_of(frames: list[str]) -> list[Event]:
    return [event for frame in frames for event in STREAM.parse(frame, ARRIVAL)]


@pytest.mark.parametrize("provider", [STREAM, QUOTES])
def test_calls_are_counted_by_key(provider: Finnhub | FinnhubQuote) -> None:
    """Calls are counted by it, and with it no setting is missing."""
    assert SECRET == provider.api_key()
    assert None is provider.missing()


@pytest.mark.parametrize("make", [Finnhub, FinnhubQuote])
def test_a_missing_key_is_named(make: type[Finnhub] | type[FinnhubQuote]) -> None:
    """The name of the setting is returned."""
    provider = make("ws://127.0.0.1:9", Keys())

    assert "FINNHUB_API_KEY" == provider.missing()
    assert "" == provider.api_key()


def test_the_key_is_read_for_every_connection() -> None:
    """A key that is changed while the process runs is used for the next connection."""
    keys = {finnhub.KEY.env: "the-first-key"}
    stream = Finnhub("wss://ws.finnhub.io", Keys(keys.__getitem__))
    quotes = FinnhubQuote("https://finnhub.io/api/v1", Keys(keys.__getitem__))

    assert "wss://ws.finnhub.io?token=the-first-key" == stream.url()
    keys[finnhub.KEY.env] = "the second&key"
    assert "wss://ws.finnhub.io?token=the+second%26key" == stream.url()
    assert {"X-Finnhub-Token": "the second&key"} == quotes.calls(["AAPL"])[0].headers


def test_the_key_of_quotes_is_in_no_url() -> None:
    """Proxies log URLs, but not headers."""
    (call,) = QUOTES.calls(["AAPL"])

    assert "https://finnhub.io/api/v1/quote?symbol=AAPL" == call.url
    assert {"X-Finnhub-Token": SECRET} == call.headers


def test_an_upstream_that_repeats_the_key_does_not_give_it_away() -> None:
    """No event holds the key, nor half of it where a text is cut."""
    long = "x" * 190 + SECRET
    events = [
        *events_of([msgspec.json.encode({"type": "error", "msg": f"bad {SECRET}"}).decode()]),
        *events_of([msgspec.json.encode({"type": "error", "msg": long}).decode()]),
        *events_of([msgspec.json.encode({"type": SECRET, SECRET: SECRET}).decode()]),
        *events_of([msgspec.json.encode({"type": {SECRET: SECRET}}).decode()]),
        *ask("AAPL", reply({"error": f"bad {SECRET}"}, 401)),
        *ask("AAPL", reply(long.encode(), 401)),
        *ask("AAPL", reply({"error": long})),
        *ask("AAPL", reply({"c": SECRET, "t": 1})),
    ]

    assert 7 == len(events)
    assert [] == [event for event in events if SECRET[:6] in repr(event)]
