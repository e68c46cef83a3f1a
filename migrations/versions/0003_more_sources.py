"""the names of the first instruments at more sources, and the events of the feeds"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_instruments = sa.table(
    "instruments",
    sa.column("id", sa.Integer),
    sa.column("symbol", sa.String),
    sa.column("provider_symbols", sa.JSON),
)

# The names of each symbol. Literal: what a later catalogue has does not change what this migration
# wrote.
_NAMES = {
    "BTC": {
        "binance": "btcusdt", "coinbase": "BTC-USD", "kraken": "BTC/USD", "coingecko": "bitcoin",
        "simulated": "btcusdt",
    },
    "ETH": {
        "binance": "ethusdt", "coinbase": "ETH-USD", "kraken": "ETH/USD", "coingecko": "ethereum",
        "simulated": "ethusdt",
    },
    "SOL": {
        "binance": "solusdt", "coinbase": "SOL-USD", "kraken": "SOL/USD", "coingecko": "solana",
        "simulated": "solusdt",
    },
    "BNB": {
        "binance": "bnbusdt", "coinbase": "BNB-USD", "kraken": "BNB/USD",
        "coingecko": "binancecoin", "simulated": "bnbusdt",
    },
    "ADA": {
        "binance": "adausdt", "coinbase": "ADA-USD", "kraken": "ADA/USD", "coingecko": "cardano",
        "simulated": "adausdt",
    },
    "DOT": {
        "binance": "dotusdt", "coinbase": "DOT-USD", "kraken": "DOT/USD", "coingecko": "polkadot",
        "simulated": "dotusdt",
    },
    "AVAX": {
        "binance": "avaxusdt", "coinbase": "AVAX-USD", "kraken": "AVAX/USD",
        "coingecko": "avalanche-2", "simulated": "avaxusdt",
    },
    "MATIC": {
        "binance": "polusdt", "coinbase": "POL-USD", "kraken": "POL/USD",
        "coingecko": "polygon-ecosystem-token", "simulated": "polusdt",
    },
    "AAPL": {
        "finnhub": "AAPL", "alpaca": "AAPL", "massive": "AAPL", "finnhub_quote": "AAPL",
        "alpha_vantage": "AAPL", "simulated": "aapl",
    },
    "MSFT": {
        "finnhub": "MSFT", "alpaca": "MSFT", "massive": "MSFT", "finnhub_quote": "MSFT",
        "alpha_vantage": "MSFT", "simulated": "msft",
    },
    "GOOGL": {
        "finnhub": "GOOGL", "alpaca": "GOOGL", "massive": "GOOGL", "finnhub_quote": "GOOGL",
        "alpha_vantage": "GOOGL", "simulated": "googl",
    },
    "AMZN": {
        "finnhub": "AMZN", "alpaca": "AMZN", "massive": "AMZN", "finnhub_quote": "AMZN",
        "alpha_vantage": "AMZN", "simulated": "amzn",
    },
    "TSLA": {
        "finnhub": "TSLA", "alpaca": "TSLA", "massive": "TSLA", "finnhub_quote": "TSLA",
        "alpha_vantage": "TSLA", "simulated": "tsla",
    },
    "META": {
        "finnhub": "META", "alpaca": "META", "massive": "META", "finnhub_quote": "META",
        "alpha_vantage": "META", "simulated": "meta",
    },
    "NVDA": {
        "finnhub": "NVDA", "alpaca": "NVDA", "massive": "NVDA", "finnhub_quote": "NVDA",
        "alpha_vantage": "NVDA", "simulated": "nvda",
    },
    "JPM": {
        "finnhub": "JPM", "alpaca": "JPM", "massive": "JPM", "finnhub_quote": "JPM",
        "alpha_vantage": "JPM", "simulated": "jpm",
    },
    "EURUSD": {"exchangerate_api": "EURUSD", "frankfurter": "EURUSD", "simulated": "eurusd"},
    "GBPUSD": {"exchangerate_api": "GBPUSD", "frankfurter": "GBPUSD", "simulated": "gbpusd"},
    "USDJPY": {"exchangerate_api": "USDJPY", "frankfurter": "USDJPY", "simulated": "usdjpy"},
    "AUDUSD": {"exchangerate_api": "AUDUSD", "frankfurter": "AUDUSD", "simulated": "audusd"},
    "USDCAD": {"exchangerate_api": "USDCAD", "frankfurter": "USDCAD", "simulated": "usdcad"},
    "USDCHF": {"exchangerate_api": "USDCHF", "frankfurter": "USDCHF", "simulated": "usdchf"},
    "NZDUSD": {"exchangerate_api": "NZDUSD", "frankfurter": "NZDUSD", "simulated": "nzdusd"},
    "EURGBP": {"exchangerate_api": "EURGBP", "frankfurter": "EURGBP", "simulated": "eurgbp"},
}


def upgrade():
    op.create_table(
        "feed_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("before", sa.String(40)),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("silent_ms", sa.Integer()),
    )
    op.create_index("ix_feed_events_at", "feed_events", ["at"])
    op.create_index("ix_feed_events_source", "feed_events", ["source"])
    connection = op.get_bind()
    for row in connection.execute(sa.select(_instruments)).all():
        # Names that an administrator wrote stay.
        names = {**_NAMES.get(row.symbol, {}), **row.provider_symbols}
        connection.execute(
            _instruments.update().where(_instruments.c.id == row.id).values(provider_symbols=names)
        )


def downgrade():
    op.drop_table("feed_events")
    connection = op.get_bind()
    for row in connection.execute(sa.select(_instruments)).all():
        kept = {
            source: name
            for source, name in row.provider_symbols.items()
            if source in ("binance", "simulated")
        }
        connection.execute(
            _instruments.update().where(_instruments.c.id == row.id).values(provider_symbols=kept)
        )
