"""Settings that replace every upstream by the built-in exchange."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import Exchange


def at_the_exchange(exchange: Exchange, folder: Path) -> dict[str, str]:
    """The settings of an installation in this folder."""
    plain = exchange.url.replace("ws://", "http://")
    return {
        "OMCRM_INSTANCE": str(folder / "instance"),
        "DATABASE_URL": "",
        "FEED_STATE_DIR": str(folder / "feeds"),
        "REALTIME_SOURCES": "binance,coinbase,coingecko,alpha_vantage,exchangerate_api,frankfurter",
        "OMCRM_DEMO": "false",
        "OMCRM_EXCHANGE_URL": "",
        "PUBLIC_URL": "",
        "BINANCE_WS_URL": exchange.url,
        "BINANCE_REST_URL": plain,
        "COINBASE_WS_URL": f"{exchange.url}/coinbase",
        "COINBASE_REST_URL": f"{plain}/coinbase",
        "COINGECKO_URL": f"{plain}/coingecko/api/v3",
        "ALPHA_VANTAGE_URL": f"{plain}/alpha_vantage",
        "ALPHA_VANTAGE_API_KEY": "a-key-of-the-test",
        "EXCHANGERATE_API_URL": f"{plain}/exchangerate_api",
        "EXCHANGERATE_OPEN_URL": f"{plain}/exchangerate_api/open",
        "FRANKFURTER_URL": f"{plain}/frankfurter",
    }


@contextmanager
def frozen(exchange: Exchange) -> Iterator[None]:
    """Meanwhile the exchange accepts connections and answers nothing."""
    os.kill(exchange.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(exchange.pid, signal.SIGCONT)
