"""`docs/sources.md`: the sources of prices, as the policies and the providers declare them."""

from collections.abc import Iterable, Iterator, Sequence

from omcrm.feeds.declaration import Declaration
from omcrm.feeds.provider import PollLimits, StreamLimits
from omcrm.feeds.registry import LABELS, PROVIDERS
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED

_HOUR = 3600.0
_NONE = "–"

_ABOUT = """\
# Sources

Written by `python manage.py api-docs --write` from the policies (`omcrm/market/policy.py`) and from
what each provider declares in its folder (`omcrm/feeds/providers/`). [feeds.md](feeds.md) says how
they are used.

For each asset class the sources have an order; the best healthy one is active. In a demonstration
the built-in exchange comes before the last resort, labelled `simulated`.
"""


def document() -> str:
    """The text of the file."""
    real = [item for item in PROVIDERS.values() if item.name != SIMULATED.name]
    return "\n".join([
        _ABOUT,
        *_table(("asset class", "order"), _orders()),
        "",
        *_table(
            ("source", "how", "key", "class", "limits", "finished days"),
            (row for item in real for row in _sources(item)),
        ),
        "",
        "Each has an address, which is a setting (`.env.example`), and a place at the",
        "[built-in exchange](exchange.md):",
        "",
        *_table(
            ("setting", "source", "at the exchange"),
            (row for item in real for row in _addresses(item)),
        ),
        "",
    ])  # fmt: skip


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _orders() -> Iterator[Sequence[str]]:
    for asset_class, policy in POLICIES.items():
        sources = [source for source in policy.sources if source != SIMULATED.name]
        yield asset_class.group, " → ".join(LABELS[source] for source in sources)


def _sources(item: Declaration) -> Iterator[Sequence[str]]:
    keys = ", ".join(f"`{key.env}`{', optional' * key.is_optional}" for key in item.keys) or _NONE
    days = _NONE if item.history is None else f"{item.history.reach} days back"
    if item.stream is not None:
        classes = (item.stream.source.claim, *item.stream.other_classes)
        words = ", or by the address ".join(claim.value for claim in classes)
        limits = _stream_limits(item.stream.limits)
        yield f"`{item.stream.source.name}`", "WebSocket", keys, words, limits, days
    if item.poll is not None:
        source, limits = item.poll.source, _poll_limits(item.poll.limits)
        yield f"`{source.name}`", "HTTP", keys, source.claim.value, limits, days


def _stream_limits(limits: StreamLimits) -> str:
    words = [f"{limits.symbols} symbols"]
    if limits.connections is not None:
        words.append(f"connections: {limits.connections}")
    if limits.replace_after is not None:
        words.append(f"replaced after {limits.replace_after / _HOUR:.0f} h")
    return ", ".join(words)


def _poll_limits(limits: PollLimits) -> str:
    return ", ".join(f"{budget.calls} per {budget.period}" for budget in limits.budgets)


def _addresses(item: Declaration) -> Iterator[Sequence[str]]:
    for address in item.addresses:
        yield f"`{address.env}`", item.label, f"{address.schemes[0]} `{address.at_exchange or '/'}`"
