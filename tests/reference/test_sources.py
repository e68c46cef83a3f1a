from omcrm.feeds.registry import POLLS, PROVIDERS, STREAMS
from omcrm.reference.sources import document


def test_every_source_has_a_row() -> None:
    """With its keys and its address; the built-in exchange, which is no upstream, has none."""
    text = document()

    assert all(f"\n| `{name}` |" in text for name in (*STREAMS, *POLLS) if name != "simulated")
    assert "| `simulated`" not in text
    for declaration in PROVIDERS.values():
        assert all(f"`{key.env}`" in text for key in declaration.keys)
        assert all(f"\n| `{address.env}` |" in text for address in declaration.addresses)


def test_limits_are_words() -> None:
    """As they are declared."""
    text = document()

    assert "| `finnhub` | WebSocket | `FINNHUB_API_KEY` | live | 50 symbols, connections: 1" in text
    assert (
        "| `coingecko` | HTTP | `COINGECKO_API_KEY`, optional | indicative | 5 per minute" in text
    )
    assert "or by the address delayed" in text


def test_the_order_is_the_policy_s() -> None:
    """By the labels that users read."""
    forex = "Kraken → Finnhub → Massive forex → ExchangeRate-API → Frankfurter → Last resort"

    assert f"| forex | {forex} |" in document()
