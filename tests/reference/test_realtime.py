from omcrm.gateways.asset_figures import asset_figures, asset_price
from omcrm.gateways.realtime import envelope
from omcrm.reference.realtime import REALTIME
from omcrm.wire import encoding
from tests.gateways.here import Served
from tests.reference.validator import DocumentValidator
from tests.values import START


def test_unknown_figures_are_as_described(validator: DocumentValidator) -> None:
    """A symbol without a price has all its figures, each of them null."""
    for kind, data in (
        ("asset_update", asset_figures("BTC", None, None)),
        ("asset_price", asset_price("BTC", None, START, 300)),
    ):
        assert [] == validator.message(REALTIME.dialect, encoding.loads(envelope(kind, data)))


def test_known_figures_are_as_described(here: Served, validator: DocumentValidator) -> None:
    """The transcripts validate what is sent over a socket."""
    quote = here.price("BTC")
    instrument = here.market.instruments["BTC"]
    update = envelope("asset_update", asset_figures("BTC", quote, instrument))

    assert [] == validator.message(REALTIME.dialect, encoding.loads(update))
