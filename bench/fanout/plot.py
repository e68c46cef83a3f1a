"""The picture: processor time per update and p99 latency, against the number of clients."""

from pathlib import Path
from typing import Any

from bench.fanout.outcome import Outcomes, RunOutcome
from bench.fanout.scenario import EVERYBODY

# Colour, line and marker of each subject: OMCRM strong, the others paler.
_STYLES: dict[str, dict[str, Any]] = {
    "omcrm-eventlet": {"color": "#0b5cad", "marker": "o", "linewidth": 2.4, "zorder": 5},
    "omcrm-gevent": {"color": "#4fa3e0", "marker": "s", "linewidth": 2.4, "zorder": 4},
    "floor": {"color": "#444444", "marker": "_", "linewidth": 1.4, "linestyle": "--"},
    "node": {"color": "#3a8f4f", "marker": "^", "linewidth": 1.6},
    "stock-eventlet": {"color": "#c2561a", "marker": "D", "linewidth": 1.6},
    "stock-gevent": {"color": "#e3a35d", "marker": "v", "linewidth": 1.6},
}


def draw(outcomes: Outcomes, path: Path) -> None:
    """Write the picture; does nothing without runs of `fanout`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    if not outcomes.of("fanout"):
        return
    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        chart, (cost, latency) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
        for axes in (cost, latency):
            axes.set_xscale("log")
            axes.grid(axis="y", color="#e4e4e4")
            axes.set_xlabel("clients, each with one price ten times a second")
        for subject in EVERYBODY:
            runs = [outcome for outcome in outcomes.typical("fanout") if outcome.subject == subject]
            _line(cost, runs, "cpu_us")
            _line(latency, runs, "p99_ms")
        _label(cost, outcomes, "Server CPU per delivered update, µs")
        _label(latency, outcomes, "p99 from tick to client, ms")
        for axes in (cost, latency):
            # Equal distances are equal ratios.
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(ticker.NullLocator())
        hint = "hollow: not everything was delivered"
        corner = {"transform": latency.transAxes, "ha": "right", "fontsize": 8, "color": "#777777"}
        latency.text(0.99, 0.03, hint, **corner)
        handles, labels = cost.get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        chart.savefig(path, dpi=160)
        plt.close(chart)


def _line(axes: Any, runs: list[RunOutcome], name: str) -> None:
    points = [(run.clients, run.result) for run in runs if run.result and run.result.updates]
    if not points:
        return
    style = _STYLES[runs[0].subject]
    figures = [(clients, getattr(result, name)) for clients, result in points]
    axes.plot(*zip(*figures, strict=True), label=runs[0].subject, markersize=6, **style)
    # A hollow marker: not everything was delivered.
    for clients, result in points:
        if result.is_collapsed:
            mark = {**style, "markerfacecolor": "white", "zorder": 6}
            axes.plot([clients], [getattr(result, name)], markersize=6, **mark)


def _label(axes: Any, outcomes: Outcomes, title: str) -> None:
    levels = sorted({outcome.clients for outcome in outcomes.of("fanout")})
    axes.set_xticks(levels, [f"{level:,}".replace(",", " ") for level in levels])
    axes.minorticks_off()
    axes.set_title(title, loc="left", fontsize=11)
