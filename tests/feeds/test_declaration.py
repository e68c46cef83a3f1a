import pytest

from omcrm.feeds.declaration import PAIRS, TICKERS, FeedAddress
from omcrm.feeds.providers import _template, finnhub


@pytest.mark.parametrize(
    ("default", "schemes"),
    [
        ("wss://a.example", ("ws", "wss")),
        ("ws://a.example", ("ws", "wss")),
        ("https://a.example", ("http", "https")),
    ],
)
def test_an_address_is_replaced_by_one_of_its_kind(default: str, schemes: tuple[str, str]) -> None:
    """Streams are at WebSockets, everything else at HTTP."""
    address = FeedAddress(name="a", env="A_URL", default=default, about="A.", at_exchange="/a")

    assert schemes == address.schemes


def test_each_source_has_a_label() -> None:
    """A poller beside a stream has one of its own."""
    assert {"template": "Template"} == _template.PROVIDER.labels
    assert {"finnhub": "Finnhub", "finnhub_quote": "Finnhub quotes"} == finnhub.PROVIDER.labels


def test_typed_names_are_normalized() -> None:
    """Spaces around a name, and case where it does not matter, are no mistake."""
    assert "BRK.B" == TICKERS.normalized(" brk.b ")
    assert "EURUSD" == PAIRS.normalized("eurusd")
    assert None is PAIRS.normalized(None)
    assert not PAIRS.fits("EUR/USD")
