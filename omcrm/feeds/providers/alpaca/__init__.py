"""Alpaca: trades, quotes and daily bars of shares over WebSocket, after a login."""

from omcrm.feeds.declaration import TICKERS, ApiKey, Declaration, FeedAddress, StreamSource
from omcrm.feeds.provider import StreamLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    source=Source("alpaca", PriceClass.LIVE),
    # The free plan: so many symbols of trades and quotes, and one connection to an endpoint.
    limits=StreamLimits(symbols=30, frame_spacing=0.1, connections=1),
    other_classes=(PriceClass.DELAYED,),
)

KEY_ID = ApiKey(
    env="ALPACA_API_KEY_ID", about="Alpaca's key id, with ALPACA_API_SECRET_KEY (stocks)."
)
SECRET = ApiKey(env="ALPACA_API_SECRET_KEY", about="Alpaca's secret.")

PROVIDER = Declaration(
    name="alpaca",
    label="Alpaca",
    venue="alpaca",
    spelling=TICKERS,
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="alpaca",
            env="ALPACA_WS_URL",
            default="wss://stream.data.alpaca.markets/v2/iex",
            about="Alpaca's feed (v2/iex, v2/sip, v2/delayed_sip, v2/test); empty switches it off.",
            at_exchange="/alpaca/v2/iex",
        ),
    ),
    keys=(KEY_ID, SECRET),
)
