"""Every socket that the documents describe, and the scope that a token needs for it."""

from collections.abc import Mapping

from omcrm.auth.permission import Permission
from omcrm.gateways.registry import DIALECTS
from omcrm.wire.channel import SocketChannel
from omcrm.wire.desk import DESK

CHANNELS: tuple[SocketChannel, ...] = (DESK, *(dialect.channel for dialect in DIALECTS))

SCOPES: Mapping[str, Permission] = {dialect.channel.name: dialect.scope for dialect in DIALECTS}
"""By the name of the channel; the desk takes no tokens."""
