"""The faults an exchange can play, by name, switched on and off while it runs."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from omcrm.exchange import bad_frame, connection_fault, market_fault
from omcrm.exchange.exchange import Exchange
from omcrm.exchange.fault_settings import FaultSettings

Play = Callable[[Exchange, Any], dict[str, Any]]


class FaultError(Exception):
    """A fault is unknown or is asked for in a wrong way; the answer is a 400 that says so."""


class Fault(Struct, frozen=True):
    """One fault: what it may be told, what it does, whether it lasts until cleared."""

    options: type[Struct]
    play: Play
    lasts: bool = True


FAULTS: dict[str, Fault] = {
    # The connection
    "cut": Fault(connection_fault.Cut, connection_fault.cut, lasts=False),
    "half_open": Fault(connection_fault.Nothing, connection_fault.half_open),
    "refuse": Fault(connection_fault.Refuse, connection_fault.refuse),
    "server_shutdown": Fault(
        connection_fault.Shutdown, connection_fault.server_shutdown, lasts=False
    ),
    "lifetime": Fault(connection_fault.Lifetime, connection_fault.lifetime),
    "ping_interval": Fault(connection_fault.PingInterval, connection_fault.ping_interval),
    "no_ping": Fault(connection_fault.Nothing, connection_fault.no_ping),
    # The frames
    "garbage": Fault(bad_frame.Nothing, bad_frame.garbage, lasts=False),
    "big_frame": Fault(bad_frame.BigFrame, bad_frame.big_frame, lasts=False),
    "binary": Fault(bad_frame.Nothing, bad_frame.binary, lasts=False),
    "trick": Fault(connection_fault.Trick, connection_fault.trick),
    # The market
    "mute": Fault(market_fault.Mute, market_fault.mute),
    "delay": Fault(market_fault.Delay, market_fault.delay),
    "delist": Fault(market_fault.OneSymbol, market_fault.delist),
    "spike": Fault(market_fault.Spike, market_fault.spike, lasts=False),
    "crossed": Fault(market_fault.OneSymbol, market_fault.crossed, lasts=False),
    "duplicate": Fault(market_fault.SomeSymbol, market_fault.duplicate, lasts=False),
    "out_of_order": Fault(market_fault.SomeSymbol, market_fault.out_of_order, lasts=False),
}


def switch_on(exchange: Exchange, wanted: dict[str, Any]) -> dict[str, Any]:
    """Play the fault that `wanted` names, and tell what it did."""
    name = wanted.get("fault")
    fault = FAULTS.get(name) if isinstance(name, str) else None
    if fault is None:
        raise FaultError(f"unknown fault: {name!r}")
    given = {key: value for key, value in wanted.items() if key != "fault"}
    try:
        options = msgspec.convert(given, fault.options)
        done = fault.play(exchange, options)
    except (msgspec.ValidationError, LookupError) as error:
        raise FaultError(f"{name}: {error.args[0]}") from None
    exchange.switchboard.flush()
    if fault.lasts:
        exchange.faults.active[str(name)] = given
    return {"fault": name, **done, "faults": exchange.faults.active}


def clear(exchange: Exchange) -> None:
    """End every fault that lasts."""
    was_half_open = exchange.faults.half_open
    fresh = FaultSettings(active={}, tricks={})
    for field in FaultSettings.__struct_fields__:
        setattr(exchange.faults, field, getattr(fresh, field))
    market_fault.clear(exchange)
    connection_fault.clear(exchange, was_half_open)
