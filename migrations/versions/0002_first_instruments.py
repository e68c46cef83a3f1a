"""the first instruments"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_instruments = sa.table(
    "instruments",
    sa.column("symbol", sa.String),
    sa.column("name", sa.String),
    sa.column("asset_class", sa.String),
    sa.column("decimals", sa.Integer),
    sa.column("last_resort_price", sa.String),
    sa.column("provider_symbols", sa.JSON),
    sa.column("active", sa.Boolean),
)

# Symbol, name, asset class, decimals, last-resort price and names at the sources. Literal: what a
# later catalogue has does not change what this migration inserted.
_FIRST = [
    ("BTC", "Bitcoin", "crypto", 2, "61800",
     {
         "binance": "btcusdt", "coinbase": "BTC-USD", "kraken": "BTC/USD", "coingecko": "bitcoin",
         "simulated": "btcusdt",
     }),
    ("ETH", "Ethereum", "crypto", 2, "2680",
     {
         "binance": "ethusdt", "coinbase": "ETH-USD", "kraken": "ETH/USD", "coingecko": "ethereum",
         "simulated": "ethusdt",
     }),
    ("SOL", "Solana", "crypto", 2, "162",
     {
         "binance": "solusdt", "coinbase": "SOL-USD", "kraken": "SOL/USD", "coingecko": "solana",
         "simulated": "solusdt",
     }),
    ("BNB", "BNB", "crypto", 2, "517",
     {
         "binance": "bnbusdt", "coinbase": "BNB-USD", "kraken": "BNB/USD",
         "coingecko": "binancecoin", "simulated": "bnbusdt",
     }),
    ("ADA", "Cardano", "crypto", 4, "0.3450",
     {
         "binance": "adausdt", "coinbase": "ADA-USD", "kraken": "ADA/USD", "coingecko": "cardano",
         "simulated": "adausdt",
     }),
    ("DOT", "Polkadot", "crypto", 3, "4.600",
     {
         "binance": "dotusdt", "coinbase": "DOT-USD", "kraken": "DOT/USD", "coingecko": "polkadot",
         "simulated": "dotusdt",
     }),
    ("AVAX", "Avalanche", "crypto", 2, "22",
     {
         "binance": "avaxusdt", "coinbase": "AVAX-USD", "kraken": "AVAX/USD",
         "coingecko": "avalanche-2", "simulated": "avaxusdt",
     }),
    ("MATIC", "Polygon", "crypto", 4, "0.4100",
     {
         "binance": "polusdt", "coinbase": "POL-USD", "kraken": "POL/USD",
         "coingecko": "polygon-ecosystem-token", "simulated": "polusdt",
     }),
    ("AAPL", "Apple", "stock", 2, "213.30",
     {
         "finnhub": "AAPL", "alpaca": "AAPL", "massive": "AAPL", "finnhub_quote": "AAPL",
         "alpha_vantage": "AAPL", "simulated": "aapl",
     }),
    ("MSFT", "Microsoft", "stock", 2, "402.70",
     {
         "finnhub": "MSFT", "alpaca": "MSFT", "massive": "MSFT", "finnhub_quote": "MSFT",
         "alpha_vantage": "MSFT", "simulated": "msft",
     }),
    ("GOOGL", "Alphabet", "stock", 2, "162.00",
     {
         "finnhub": "GOOGL", "alpaca": "GOOGL", "massive": "GOOGL", "finnhub_quote": "GOOGL",
         "alpha_vantage": "GOOGL", "simulated": "googl",
     }),
    ("AMZN", "Amazon", "stock", 2, "165.80",
     {
         "finnhub": "AMZN", "alpaca": "AMZN", "massive": "AMZN", "finnhub_quote": "AMZN",
         "alpha_vantage": "AMZN", "simulated": "amzn",
     }),
    ("TSLA", "Tesla", "stock", 2, "198.80",
     {
         "finnhub": "TSLA", "alpaca": "TSLA", "massive": "TSLA", "finnhub_quote": "TSLA",
         "alpha_vantage": "TSLA", "simulated": "tsla",
     }),
    ("META", "Meta Platforms", "stock", 2, "509.60",
     {
         "finnhub": "META", "alpaca": "META", "massive": "META", "finnhub_quote": "META",
         "alpha_vantage": "META", "simulated": "meta",
     }),
    ("NVDA", "NVIDIA", "stock", 2, "105.00",
     {
         "finnhub": "NVDA", "alpaca": "NVDA", "massive": "NVDA", "finnhub_quote": "NVDA",
         "alpha_vantage": "NVDA", "simulated": "nvda",
     }),
    ("JPM", "JPMorgan Chase", "stock", 2, "205.00",
     {
         "finnhub": "JPM", "alpaca": "JPM", "massive": "JPM", "finnhub_quote": "JPM",
         "alpha_vantage": "JPM", "simulated": "jpm",
     }),
    ("EURUSD", "Euro / US dollar", "forex", 5, "1.09180",
     {"exchangerate_api": "EURUSD", "frankfurter": "EURUSD", "simulated": "eurusd"}),
    ("GBPUSD", "Pound sterling / US dollar", "forex", 5, "1.27480",
     {"exchangerate_api": "GBPUSD", "frankfurter": "GBPUSD", "simulated": "gbpusd"}),
    ("USDJPY", "US dollar / Japanese yen", "forex", 3, "147.200",
     {"exchangerate_api": "USDJPY", "frankfurter": "USDJPY", "simulated": "usdjpy"}),
    ("AUDUSD", "Australian dollar / US dollar", "forex", 5, "0.65920",
     {"exchangerate_api": "AUDUSD", "frankfurter": "AUDUSD", "simulated": "audusd"}),
    ("USDCAD", "US dollar / Canadian dollar", "forex", 5, "1.37350",
     {"exchangerate_api": "USDCAD", "frankfurter": "USDCAD", "simulated": "usdcad"}),
    ("USDCHF", "US dollar / Swiss franc", "forex", 5, "0.86640",
     {"exchangerate_api": "USDCHF", "frankfurter": "USDCHF", "simulated": "usdchf"}),
    ("NZDUSD", "New Zealand dollar / US dollar", "forex", 5, "0.60120",
     {"exchangerate_api": "NZDUSD", "frankfurter": "NZDUSD", "simulated": "nzdusd"}),
    ("EURGBP", "Euro / pound sterling", "forex", 5, "0.85640",
     {"exchangerate_api": "EURGBP", "frankfurter": "EURGBP", "simulated": "eurgbp"}),
]


def upgrade():
    op.bulk_insert(
        _instruments,
        [
            {
                "symbol": symbol,
                "name": name,
                "asset_class": asset_class,
                "decimals": decimals,
                "last_resort_price": price,
                "provider_symbols": names,
                "active": True,
            }
            for symbol, name, asset_class, decimals, price, names in _FIRST
        ],
    )


def downgrade():
    symbols = [symbol for symbol, *_ in _FIRST]
    op.execute(_instruments.delete().where(_instruments.c.symbol.in_(symbols)))
