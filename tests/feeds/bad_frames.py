"""Malformed frames, made of the samples of a provider."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec

from tests.feeds.samples import text

WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    1e308,
    2**53,
    2**63,
    10**30,
    -(2**64),
    "",
    "0",
    "-1",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1e-400",
    "0x10",
    "abc",
    "BTCUSDT",
    "trade",
    "kline",
    "btcusdt@depth5",
    "9" * 60,
    "é\u0000\u202e",
    [],
    {},
    [[]],
    [{}],
    [None, None],
    [["1", "2"]],
    {"code": "x"},
    {"code": 10**30, "msg": []},
)


def mutated(samples: tuple[str, ...], count: int, chance: random.Random) -> Iterator[str | bytes]:
    """`count` mutations of random samples."""
    ways = (with_wrong_value, with_wrong_value, without_a_field, cut_short, with_wrong_bytes)
    for _ in range(count):
        yield chance.choice(ways)(chance.choice(samples), chance)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every pair of a container and one of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inside in items:
        yield value, key
        if isinstance(inside, dict | list):
            yield from places(inside)


def with_wrong_value(sample: str, chance: random.Random) -> str:
    frame = msgspec.json.decode(sample)
    for _ in range(chance.randint(1, 2)):
        keyed = list(places(frame))
        if keyed:
            container, key = chance.choice(keyed)
            container[key] = deepcopy(chance.choice(WRONG))
    return text(frame)


def without_a_field(sample: str, chance: random.Random) -> str:
    frame = msgspec.json.decode(sample)
    container, key = chance.choice(list(places(frame)))
    value = container.pop(key)
    if isinstance(container, dict) and chance.random() < 0.5:
        container[chance.choice("abekLuUsStT") if chance.random() < 0.5 else key.upper()] = value
    return text(frame)


def cut_short(sample: str, chance: random.Random) -> str:
    begin, end = sorted(chance.randrange(len(sample) + 1) for _ in range(2))
    return sample[begin:end] if chance.random() < 0.5 else sample[:end]


def with_wrong_bytes(sample: str, chance: random.Random) -> bytes:
    frame = bytearray(sample.encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(frame))
        frame[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3)) or b"\xff"
    return bytes(frame)


def monsters(samples: tuple[str, ...]) -> Iterator[str | bytes]:
    """Frames of a megabyte, of a hundred thousand brackets, and of a million digits."""
    million = 1_000_000
    for opening, closing in (("[", "]"), ('{"data":', "}"), ('{"stream":"x","data":[', "]}")):
        yield opening * 100_000
        yield opening * 100_000 + "1" + closing * 100_000
    yield "x" * million
    yield b"\xff" * million
    yield b"\x00" * million
    yield "[" + "{}," * (million // 3) + "{}]"
    yield "[" + ",".join([samples[0]] * (million // len(samples[0]))) + "]"
    yield text({"e": "x" * million})
    yield text({"x" * million: 1})
    yield text({"error": {"code": 1, "msg": "x" * million}})
    yield '{"id":' + "9" * million + "}"
    for sample in samples:
        for digits in ("9" * million, "0." + "9" * million, "1e" + "9" * 100):
            yield sample.replace("91234.56", digits)
