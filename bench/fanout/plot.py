"""The picture: what an update costs, and how late the latest come, against the clients."""

from pathlib import Path
from typing import Any

from bench.fanout.outcome import Book, Outcome
from bench.fanout.scenario import EVERYBODY

# Colour, line and mark of each: OMCRM strong, the others paler.
_LOOKS: dict[str, dict[str, Any]] = {
    "omcrm-eventlet": {"color": "#0b5cad", "marker": "o", "linewidth": 2.4, "zorder": 5},
    "omcrm-gevent": {"color": "#4fa3e0", "marker": "s", "linewidth": 2.4, "zorder": 4},
    "floor": {"color": "#444444", "marker": "_", "linewidth": 1.4, "linestyle": "--"},
    "node": {"color": "#3a8f4f", "marker": "^", "linewidth": 1.6},
    "stock-eventlet": {"color": "#c2561a", "marker": "D", "linewidth": 1.6},
    "stock-gevent": {"color": "#e3a35d", "marker": "v", "linewidth": 1.6},
}


def draw(book: Book, path: Path) -> None:
    """Write the picture; nothing without a fan-out."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    if not book.of("fanout"):
        return
    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (cost, delay) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
        for axes in (cost, delay):
            axes.set_xscale("log")
            axes.grid(axis="y", color="#e4e4e4")
            axes.set_xlabel("clients, each told one price ten times a second")
        for subject in EVERYBODY:
            runs = [outcome for outcome in book.typical("fanout") if outcome.subject == subject]
            _line(cost, runs, "cpu_us")
            _line(delay, runs, "p99_ms")
        _dress(cost, book, "Server CPU per delivered update, µs")
        _dress(delay, book, "p99 from tick to client, ms")
        for axes in (cost, delay):
            # Equal distances are equal ratios.
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(ticker.NullLocator())
        hint = "hollow: not everything was delivered"
        corner = {"transform": delay.transAxes, "ha": "right", "fontsize": 8, "color": "#777777"}
        delay.text(0.99, 0.03, hint, **corner)
        handles, labels = cost.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        figure.savefig(path, dpi=160)
        plt.close(figure)


def _line(axes: Any, runs: list[Outcome], name: str) -> None:
    points = [(run.clients, run.result) for run in runs if run.result and run.result.updates]
    if not points:
        return
    look = _LOOKS[runs[0].subject]
    figures = [(clients, getattr(result, name)) for clients, result in points]
    axes.plot(*zip(*figures, strict=True), label=runs[0].subject, markersize=6, **look)
    # A hollow mark: it did not deliver everything.
    for clients, result in points:
        if result.is_collapsed:
            mark = {**look, "markerfacecolor": "white", "zorder": 6}
            axes.plot([clients], [getattr(result, name)], markersize=6, **mark)


def _dress(axes: Any, book: Book, title: str) -> None:
    levels = sorted({outcome.clients for outcome in book.of("fanout")})
    axes.set_xticks(levels, [f"{level:,}".replace(",", " ") for level in levels])
    axes.minorticks_off()
    axes.set_title(title, loc="left", fontsize=11)
