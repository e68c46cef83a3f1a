"""The faults of the exchange by name, started and cleared at run time."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from simulator import bad_frame, connection_fault, market_fault
from simulator.fault_settings import FaultSettings
from simulator.provider_server import ProviderServer

Play = Callable[[ProviderServer, Any], dict[str, Any]]


class FaultError(Exception):
    """A fault is unknown or its options are wrong; answered with 400 and the reason."""


class Fault(Struct, frozen=True):
    """One fault: its options, its function, and whether it lasts until it is cleared."""

    options: type[Struct]
    play: Play
    lasts: bool = True


FAULTS: dict[str, Fault] = {
    # The connection
    "cut": Fault(connection_fault.Cut, connection_fault.cut, lasts=False),
    "half_open": Fault(connection_fault.NoConnectionOptions, connection_fault.half_open),
    "refuse": Fault(connection_fault.Refuse, connection_fault.refuse),
    "refuse_calls": Fault(connection_fault.Refuse, connection_fault.refuse_calls),
    "server_shutdown": Fault(
        connection_fault.Shutdown, connection_fault.server_shutdown, lasts=False
    ),
    "lifetime": Fault(connection_fault.Lifetime, connection_fault.lifetime),
    "ping_interval": Fault(connection_fault.PingInterval, connection_fault.ping_interval),
    # The frames
    "garbage": Fault(bad_frame.NoFrameOptions, bad_frame.garbage, lasts=False),
    "big_frame": Fault(bad_frame.BigFrame, bad_frame.big_frame, lasts=False),
    "binary": Fault(bad_frame.NoFrameOptions, bad_frame.binary, lasts=False),
    "trick": Fault(connection_fault.Trick, connection_fault.trick),
    # The market
    "mute": Fault(market_fault.Mute, market_fault.mute),
    "delay": Fault(market_fault.Delay, market_fault.delay),
    "old_answers": Fault(market_fault.OldAnswers, market_fault.old_answers),
    "skewed_clock": Fault(market_fault.SkewedClock, market_fault.skewed_clock),
    "stepped_clock": Fault(market_fault.SteppedClock, market_fault.stepped_clock),
    "dead_channel": Fault(market_fault.DeadChannel, market_fault.dead_channel),
    "frozen_prices": Fault(market_fault.NoMarketOptions, market_fault.frozen_prices),
    "wrong_prices": Fault(market_fault.WrongPrices, market_fault.wrong_prices),
    "wrong_time": Fault(market_fault.WrongTime, market_fault.wrong_time, lasts=False),
    "spike": Fault(market_fault.Spike, market_fault.spike, lasts=False),
    "bad_conditions": Fault(market_fault.BadConditions, market_fault.bad_conditions, lasts=False),
    "crossed": Fault(market_fault.OneSymbol, market_fault.crossed, lasts=False),
    "duplicate": Fault(market_fault.SomeSymbol, market_fault.duplicate, lasts=False),
    "out_of_order": Fault(market_fault.SomeSymbol, market_fault.out_of_order, lasts=False),
}


def start_fault(server: ProviderServer, wanted: dict[str, Any]) -> dict[str, Any]:
    """Play the fault that `wanted` names and return its result."""
    name = wanted.get("fault")
    fault = FAULTS.get(name) if isinstance(name, str) else None
    if fault is None:
        raise FaultError(f"unknown fault: {name!r}")
    given = {key: value for key, value in wanted.items() if key != "fault"}
    try:
        options = msgspec.convert(given, fault.options)
        done = fault.play(server, options)
    except (msgspec.ValidationError, LookupError) as error:
        raise FaultError(f"{name}: {error.args[0]}") from None
    server.subscriptions.flush()
    if fault.lasts:
        server.faults.active[str(name)] = given
    return {"fault": name, **done, "faults": server.faults.active}


def clear(server: ProviderServer) -> None:
    """End every fault that lasts."""
    was_half_open = server.faults.half_open
    fresh = FaultSettings(active={}, tricks={})
    for field in FaultSettings.__struct_fields__:
        setattr(server.faults, field, getattr(fresh, field))
    market_fault.clear(server)
    connection_fault.clear(server, was_half_open)
