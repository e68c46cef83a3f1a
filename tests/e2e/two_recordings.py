"""Recordings of Binance and Coinbase that contradict each other in one coin and part in another."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGAN = datetime(2024, 8, 8, 23, 50, tzinfo=UTC)
MINUTES = 30
# Until then the divergence of ETH is that of a usual pair, and has to become known.
PARTED_AFTER = timedelta(seconds=45)


def write_recordings(folder: Path) -> list[Path]:
    """BTC is 5 % higher at Coinbase from the start, ETH 1.2 % after 45 s; five trades a second."""
    lines: dict[str, list[str]] = {"binance": [], "coinbase": []}
    for number in range(MINUTES * 60 * 5):
        passed = timedelta(milliseconds=200 * number)
        at = BEGAN + passed
        step = number % 7
        ether = 2500 if passed < PARTED_AFTER else 2530
        for source, frames in (
            ("binance", _binance(at, number, {"BTC": 61_000 + step, "ETH": 2500})),
            ("coinbase", _coinbase(at, number, {"BTC": 64_000 + step, "ETH": ether})),
        ):
            received = round(at.timestamp() * 1000) * 1_000_000
            lines[source] += [f"{received} {json.dumps(frame)}" for frame in frames]
    paths = [folder / f"day.{source}" for source in lines]
    for path, recorded in zip(paths, lines.values(), strict=True):
        path.write_text("\n".join(recorded) + "\n")
    return paths


def _binance(at: datetime, number: int, prices: dict[str, int]) -> Iterator[dict[str, object]]:
    time = round(at.timestamp() * 1000)
    for symbol, price in prices.items():
        name, last = f"{symbol}USDT", f"{price}.5"
        kind = {"e": "trade", "E": time, "s": name, "m": True, "M": True}
        yield kind | {"t": number, "p": last, "q": "0.5", "T": time}
        yield {"u": number, "s": name, "b": f"{price}", "B": "1", "a": f"{price + 1}", "A": "1"}


def _coinbase(at: datetime, number: int, prices: dict[str, int]) -> Iterator[dict[str, object]]:
    numbers = {"type": "ticker", "sequence": number, "trade_id": number}
    for symbol, price in prices.items():
        yield numbers | {
            "product_id": f"{symbol}-USD",
            "price": f"{price}.5",
            "last_size": "0.5",
            "best_bid": f"{price}",
            "best_ask": f"{price + 1}",
            "time": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
        }
