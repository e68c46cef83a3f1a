import pytest

from omcrm.feeds.status import Meter, masked, without_secrets
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wss://ws.finnhub.io?token=abc123", "wss://ws.finnhub.io?token=***"),
        ("wss://x.io/ws?a=1&token=abc&b=2", "wss://x.io/ws?a=1&token=***&b=2"),
        ("https://x.io/query?apikey=ABC&function=Q", "https://x.io/query?apikey=***&function=Q"),
        ("https://x.io?api_key=ABC", "https://x.io?api_key=***"),
        ("https://x.io?KEY=ABC", "https://x.io?KEY=***"),
        ("https://x.io?access_token=ABC", "https://x.io?access_token=***"),
        ("https://x.io?client_secret=ABC&auth=DEF", "https://x.io?client_secret=***&auth=***"),
        ("wss://user:pass@x.io:9443/ws", "wss://***@x.io:9443/ws"),
        ("wss://user@x.io/ws", "wss://***@x.io/ws"),
        ("wss://u:p@x.io/ws?token=abc", "wss://***@x.io/ws?token=***"),
        (
            "refused by wss://x.io?token=abc with 401, token=abc again",
            "refused by wss://x.io?token=*** with 401, token=*** again",
        ),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    """Neither a token in the query nor a user and password is ever shown."""
    assert shown == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "wss://data-stream.binance.vision/stream",
        "ws://127.0.0.1:9000/stream?streams=btcusdt@trade/ethusdt@trade",
        "no frame for 10 s",
        "mail admin@example.com",
        "",
    ],
)
def test_the_rest_is_left_as_it_is(text: str) -> None:
    """Other text stays readable; an @ in a stream's name is no user name."""
    assert text == masked(text)


def test_an_upstream_that_repeats_a_key_does_not_show_it() -> None:
    """Its words lose our keys, and tokens in addresses; the other figures stay."""
    figures = FeedFigures(status=401, detail="no key hunter2 at wss://x.io?token=abc")
    problem = without_secrets(
        FeedProblem(FeedCode.REFUSED, figures), lambda text: text.replace("hunter2", "***")
    )

    assert FeedCode.REFUSED is problem.code
    assert FeedFigures(status=401, detail="no key *** at wss://x.io?token=***") == problem.figures


def test_meter_measures_the_present_rate() -> None:
    """The rate counts the messages since the last measurement."""
    meter = Meter()
    rates = [meter.rate(100.0)]
    for now, messages in ((101.0, 50), (101.5, 1000), (103.0, 20), (113.0, 0)):
        meter.total += messages
        rates.append(meter.rate(now))

    assert [0.0, 50.0, 50.0, 510.0, 0.0] == rates
    assert 1070 == meter.total
