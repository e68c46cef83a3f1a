from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from omcrm.market.catalogue import CATALOGUE
from simulator.fixed import parse
from simulator.listing import Listing
from simulator.providers.per_dollar import per_dollar
from simulator.simulated_trade import SimulatedTrade
from simulator.simulation import Simulation


def listing(base: str, quote: str, price: str | None) -> Listing:
    made = Listing(f"{base}{quote}", base, quote)
    if price is not None:
        made.record(SimulatedTrade(1, parse(price), parse("1"), 1770000000000, True))
    return made


def table(*listings: Listing) -> dict[str, Decimal]:
    return per_dollar(SimpleNamespace(listings={listing.symbol: listing for listing in listings}))


def test_both_kinds_of_pair_are_converted() -> None:
    """A euro costs so many dollars; a dollar costs so many yen."""
    expected = {"USD": Decimal(1), "EUR": Decimal("0.92593"), "JPY": Decimal("147.25")}

    assert expected == table(listing("EUR", "USD", "1.08"), listing("USD", "JPY", "147.25"))


def test_what_is_no_currency_or_has_no_price_is_left_out() -> None:
    """Coins, crosses and pairs without a trade."""
    assert {"USD": Decimal(1)} == table(
        listing("BTC", "USDT", "60000"),
        listing("EUR", "GBP", "0.85"),
        listing("GBP", "USD", None),
        listing("CHF", "USD", None),
    )


def test_the_model_has_every_currency_of_the_catalogue(serve: Callable[..., Any]) -> None:
    """Every cross can be computed."""
    running = serve(lambda publisher: Simulation(7, publisher, CATALOGUE))

    assert {"USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "NZD"} == set(
        per_dollar(running.simulator.source)
    )
