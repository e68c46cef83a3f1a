from omcrm.gateways.asset_figures import asset_figures, asset_price
from omcrm.gateways.realtime import envelope
from omcrm.reference.realtime import REALTIME
from omcrm.streaming import wire
from tests.gateways.here import Served
from tests.reference.judge import Judge
from tests.values import START


def test_what_is_not_known_is_as_described(judge: Judge) -> None:
    """A symbol without any price has all its figures, each of them null."""
    for kind, data in (
        ("asset_update", asset_figures("BTC", None, None)),
        ("asset_price", asset_price("BTC", None, START, 300)),
    ):
        assert [] == judge.message(REALTIME.dialect, wire.loads(envelope(kind, data)))


def test_what_is_known_is_as_described(here: Served, judge: Judge) -> None:
    """What goes over a socket is judged by the transcripts."""
    quote = here.price("BTC")
    instrument = here.market.instruments["BTC"]
    said = envelope("asset_update", asset_figures("BTC", quote, instrument))

    assert [] == judge.message(REALTIME.dialect, wire.loads(said))
