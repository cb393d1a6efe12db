"""Plots of sweeps, recordings and runs, one call each, readable in print and by the colour-blind.

Every function draws into `ax`, or into a new figure of its own, and returns the axes: `cope.plots.frontier(sweep).figure.savefig("frontier.pdf")`. Labels carry
units and the number of problems; intervals are 95 % unless told otherwise, each point's by itself. Needs matplotlib: pip install "cope-llm[plots]".

Example:
    >>> cope.plots.frontier(sweep, cope_run, large_run)  # doctest: +SKIP
    >>> cope.plots.heat_map(sweep, k=8)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ._drawing import (
    ACCURACY,
    COLOURS,
    COST,
    GREY,
    HATCHES,
    MARKERS,
    error_lengths,
    fit_side_by_side,
    legend_below,
    new_axes,
    set_ticks,
    set_title,
)
from ._outcomes import Outcome, checked_runs, consensus, group_problems
from .errors import ConfigError, DataError
from .recording import Recording
from .result import Run
from .stats import wilson
from .sweeps import Sweep
from .tables import axis_value, settings_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["accuracy_by_k", "calibration", "difficulty", "frontier", "heat_map", "stage_shares"]

_ANNOTATED = 90
"""Up to so many cells of a heat map carry their figures."""


def _checked(what: str, shown: Sequence[object], *kinds: type) -> None:
    names = " or ".join(f"cope.{kind.__name__}" for kind in kinds)
    if not shown:
        raise ConfigError(f"{what}: expected at least one {names}")
    for each in shown:
        if not isinstance(each, kinds):
            raise ConfigError(f"{what}: expected {names}, got {type(each).__name__}")


def _place(what: str, sweep: Sweep, free: Sequence[str], settings: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
    """Where in the sweep's arrays a plot along some axes lies, and the values of the others in words."""
    for name in free:
        if name not in sweep.axes:
            raise ConfigError(f"{what}: the sweep has no axis {name!r}; there are {', '.join(map(repr, sweep.axes))}")
        if name in settings:
            raise ConfigError(f"{what}: {name} is an axis of the plot, so it cannot be set to {settings[name]!r}")
    index = sweep.index({**settings, **{name: sweep.axes[name][0] for name in free}})
    fixed = [(name, values[i]) for (name, values), i in zip(sweep.axes.items(), index, strict=True) if name not in free]
    place = tuple(slice(None) if name in free else i for name, i in zip(sweep.axes, index, strict=True))
    return place, settings_text(dict(fixed))


# --- cost against accuracy --------------------------------------------------------------------------------------------


def frontier(
    *shown: Sweep | Run,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against cost: all points of a sweep, its Pareto front with intervals and a bootstrap band, and runs beside it.

    A sweep's points cost all their k samples; a run what it drew, with early stopping where its method has it. Intervals of runs are Wilson's.

    Args:
        shown: at most one sweep, and any number of runs over the same problems, of which those with a gold answer are drawn.
        confidence: level of the intervals and of the band, point by point; default 0.95.
        resamples: resampled problem sets behind them; default 1,000.
        seed: of the resampling. Default 0.
        ax: where to draw; default a new figure.

    Returns:
        The axes.

    Raises:
        ConfigError: nothing to show, two sweeps, or a run over other problems, with the first that differs.
        DataError: costs are not known, or a run has no accuracy.

    Example:
        >>> frontier(sweep, large_run)  # doctest: +SKIP
    """
    _checked("frontier", shown, Sweep, Run)
    sweeps = [each for each in shown if isinstance(each, Sweep)]
    runs = [each for each in shown if isinstance(each, Run)]
    if len(sweeps) > 1:
        raise ConfigError(
            f"frontier: expected at most one sweep, got {len(sweeps)}; draw another into the same axes with ax="
        )
    points = []
    for run, problems in zip(runs, checked_runs("frontier", runs) if runs else [], strict=True):
        if sweeps:
            _refuse_others(sweeps[0], run, problems)
        points.append((f"{run.name}{_cost_of(run)}", *_figures(run, problems, confidence)))
    with new_axes(ax) as drawn:
        for sweep in sweeps:
            found = sweep.front(confidence=confidence, resamples=resamples, seed=seed)
            cost = sweep.cost_usd_per_million
            assert cost is not None  # front() would have refused
            drawn.plot(
                cost.ravel(),
                100 * sweep.accuracy.ravel(),
                ".",
                color=GREY,
                alpha=0.45,
                markersize=3.5,
                label=f"{sweep.name}: all points{_ALL_SAMPLES}",
            )
            drawn.fill_between(
                found.budgets, 100 * found.best_low, 100 * found.best_high, step="post", color=COLOURS[0], alpha=0.15, linewidth=0,
                label=f"{100 * confidence:g} % band of the front",
            )  # fmt: skip
            drawn.step(found.budgets, 100 * found.best, where="post", color=COLOURS[0])
            drawn.errorbar(
                found.cost, 100 * found.accuracy, yerr=error_lengths(found.accuracy, found.accuracy_low, found.accuracy_high), fmt="o", color=COLOURS[0],
                markersize=4, elinewidth=0.8, capsize=1.5, label="Pareto front",
            )  # fmt: skip
        for number, (name, cost_value, accuracy, low, high) in enumerate(points):
            style = (number + 1) % len(COLOURS)
            drawn.errorbar(
                [cost_value], [100 * accuracy], yerr=error_lengths(np.array([accuracy]), np.array([low]), np.array([high])), fmt=MARKERS[style],
                color=COLOURS[style], markersize=6, elinewidth=1, capsize=2.5, label=name,
            )  # fmt: skip
        count = len(sweeps[0].problems) if sweeps else max(run.counts.scored for run in runs)
        intervals = ["bootstrap"] * bool(sweeps) + ["Wilson for runs" if sweeps else "Wilson"] * bool(runs)
        drawn.set_xlabel(COST)
        drawn.set_ylabel(f"{ACCURACY}\n{100 * confidence:g} % intervals: {', '.join(intervals)}")
        drawn.set_xlim(left=min(0.0, drawn.get_xlim()[0]))
        drawn.grid(True)
        drawn.legend(loc="lower right")
        set_title(drawn, f"Cost and accuracy, n = {count:,} problems")
    return drawn


_ALL_SAMPLES = " (cost of all samples)"


def _cost_of(run: Run) -> str:
    """Which samples a run's cost is of; nothing where there is but one way to draw them."""
    cascade = run.manifest["cascade"]
    if all(draw["n"] == 1 for draw in cascade["draws"]):
        return ""
    return " (cost with early stopping)" if cascade["early_stop"] else _ALL_SAMPLES


def _refuse_others(sweep: Sweep, run: Run, problems: Mapping[str, Outcome]) -> None:
    mine, theirs = dict.fromkeys(sweep.problems), dict.fromkeys(problems)
    first = next((identity for identity in (*mine, *theirs) if (identity in mine) != (identity in theirs)), None)
    if first is not None:
        raise ConfigError(
            f"frontier: the run {run.name!r} has {len(theirs):,} problems that ended and have a gold answer, the sweep {sweep.name!r} {len(mine):,}; "
            f"the first that only the {'sweep' if first in mine else 'run'} has is {first!r}: run and sweep over the same problems"
        )


def _figures(run: Run, problems: Mapping[str, Outcome], confidence: float) -> tuple[float, float, float, float]:
    """Cost, accuracy, and its interval, of the problems with a gold answer."""
    costs = [problem.cost_pusd for problem in problems.values()]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        raise DataError(f"frontier: {run.name!r} has replies without usage, so that its cost is not known")
    right = sum(problem.correct for problem in problems.values())
    interval = wilson(right, len(problems), confidence)
    return sum(known) / len(known) / 1e6, right / len(problems), interval.low, interval.high


# --- sweeps -----------------------------------------------------------------------------------------------------------


def heat_map(
    sweep: Sweep,
    *,
    of: Literal["accuracy", "cost"] = "accuracy",
    x: str = "tau2",
    y: str = "tau1",
    ax: Axes | None = None,
    **settings: Any,
) -> Axes:
    """Accuracy or cost over two axes of a sweep, by default the thresholds of stages 1 and 2.

    Args:
        sweep: of two axes or more.
        of: "accuracy" or "cost".
        x: the axis across; default "tau2".
        y: the axis upwards; default "tau1".
        ax: where to draw; default a new figure.
        **settings: a value for each other axis with more than one, as `k=8`.

    Returns:
        The axes.

    Raises:
        ConfigError: no such axis, or one that is not set.
        DataError: costs are not known.

    Source:
        Table 11, as a picture.

    Example:
        >>> heat_map(sweep, of="cost", k=8)  # doctest: +SKIP
    """
    _checked("heat_map", [sweep], Sweep)
    if of not in ("accuracy", "cost"):
        raise ConfigError(f"heat_map, of: expected 'accuracy' or 'cost', got {of!r}")
    if x == y:
        raise ConfigError(f"heat_map: expected two different axes, got {x!r} twice")
    place, fixed = _place("heat_map", sweep, (x, y), settings)
    costs = sweep.cost_usd_per_million
    if of == "cost" and costs is None:
        raise DataError("heat_map: costs are not known, because some reply had no usage")
    values = 100 * sweep.accuracy[place] if of == "accuracy" or costs is None else costs[place]
    names = list(sweep.axes)
    if names.index(y) > names.index(x):
        values = values.T
    label = ACCURACY if of == "accuracy" else COST
    with new_axes(ax) as drawn:
        image = drawn.imshow(values, origin="lower", aspect="auto", cmap="cividis")
        drawn.figure.colorbar(image, ax=drawn, label=label)
        set_ticks(drawn.xaxis, sweep.axes[x])
        set_ticks(drawn.yaxis, sweep.axes[y], upwards=True)
        drawn.set_xlabel(_axis_label(x))
        drawn.set_ylabel(_axis_label(y))
        drawn.spines[:].set_visible(False)
        if values.size <= _ANNOTATED:
            middle = (values.min() + values.max()) / 2
            for (row, column), value in np.ndenumerate(values):
                text = f"{value:.1f}" if of == "accuracy" else f"{value:.3g}"
                drawn.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="black" if value > middle else "white",
                )
        set_title(drawn, f"{sweep.name}", fixed, f"n = {len(sweep.problems):,} problems")
    return drawn


def _axis_label(name: str) -> str:
    if name == "k":
        return "Samples k"
    return f"Threshold of stage {name[3:]}" if name.startswith("tau") else name


def accuracy_by_k(
    sweep: Sweep,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    ax: Axes | None = None,
    **settings: Any,
) -> Axes:
    """Accuracy against the number of samples k, with bootstrap intervals.

    Args:
        sweep: with several values of k. An axis of thresholds that is not set gives a line for each of its values.
        confidence: level of the intervals, point by point; default 0.95.
        resamples: resampled problem sets behind them; default 1,000.
        seed: of the resampling. Default 0.
        ax: where to draw; default a new figure.
        **settings: a value for each other axis with more than one, but for one at most.

    Returns:
        The axes.

    Raises:
        ConfigError: no such axis, or two or more that are not set, or more lines than can be told apart.

    Source:
        Table 10, as a picture.

    Example:
        >>> accuracy_by_k(sweep, tau1=0.75, tau2=0.5)  # doctest: +SKIP
    """
    _checked("accuracy_by_k", [sweep], Sweep)
    lines = [name for name, values in sweep.axes.items() if name != "k" and name not in settings and len(values) > 1]
    if len(lines) > 1:
        raise ConfigError(
            f"accuracy_by_k: set all but one of {', '.join(lines)}, as {lines[0]}={axis_value(sweep.axes[lines[0]][0])}"
        )
    if lines and len(sweep.axes[lines[0]]) > len(COLOURS):
        raise ConfigError(
            f"accuracy_by_k: {len(sweep.axes[lines[0]])} lines, one for each {lines[0]}, are more than the {len(COLOURS)} that can be told apart; set it"
        )
    place, fixed = _place("accuracy_by_k", sweep, ["k", *lines], settings)
    boot = sweep.bootstrap(resamples, seed).accuracy
    low, high = (each[place].reshape(len(sweep.axes["k"]), -1) for each in boot.interval(confidence))
    accuracy = sweep.accuracy[place].reshape(len(sweep.axes["k"]), -1)
    k = np.array(sweep.axes["k"], dtype=float)
    with new_axes(ax) as drawn:
        for column in range(accuracy.shape[1]):
            label = f"{lines[0]} = {axis_value(sweep.axes[lines[0]][column])}" if lines else None
            values = accuracy[:, column]
            apart = 1.02 ** (
                column - (accuracy.shape[1] - 1) / 2
            )  # so that the bars of several lines do not cover each other
            drawn.errorbar(
                k * apart, 100 * values, yerr=error_lengths(values, low[:, column], high[:, column]), fmt=f"{MARKERS[column]}-", color=COLOURS[column],
                elinewidth=0.9, capsize=2, label=label,
            )  # fmt: skip
        drawn.set_xscale("log", base=2)
        drawn.set_xticks(k, [f"{value:g}" for value in k])
        drawn.minorticks_off()
        drawn.set_xlabel("Samples k")
        drawn.set_ylabel(f"{ACCURACY}, {100 * confidence:g} % intervals")
        drawn.grid(True)
        if lines:
            drawn.legend()
        set_title(drawn, sweep.name, fixed, f"n = {len(sweep.problems):,} problems")
    return drawn


def stage_shares(*shown: Sweep | Run, along: str = "k", ax: Axes | None = None, **settings: Any) -> Axes:
    """Which stage ended how many of the problems, as stacked bars: along an axis of a sweep, or a bar a run.

    Args:
        shown: one sweep, or runs.
        along: the sweep's axis; default "k".
        ax: where to draw; default a new figure.
        **settings: a value for each other axis of the sweep with more than one, as `tau1=0.75`.

    Returns:
        The axes.

    Raises:
        ConfigError: sweeps and runs mixed, several sweeps, or no such axis.

    Example:
        >>> stage_shares(sweep, along="tau1", k=8, tau2=0.5)  # doctest: +SKIP
    """
    _checked("stage_shares", shown, Sweep, Run)
    runs = [each for each in shown if isinstance(each, Run)]
    if len(runs) < len(shown) > 1:
        raise ConfigError("stage_shares: expected one sweep, or runs alone")
    if runs:
        if settings:
            raise ConfigError(f"stage_shares: {next(iter(settings))} is a setting of a sweep; runs have none")
        stages = max(len(run.resolved) for run in runs)
        counts = np.array([[*run.resolved, *[0] * (stages - len(run.resolved))] for run in runs], dtype=float)
        if not counts.sum(axis=1).all():
            raise DataError("stage_shares: a run has no answered problem")
        shares = counts / counts.sum(axis=1, keepdims=True)
        title, across = [f"n = {int(counts.sum(axis=1).max()):,} answered problems"], "Method"
        names = [f"stage {index + 1}" for index in range(stages)]
    else:
        [sweep] = (each for each in shown if isinstance(each, Sweep))
        place, fixed = _place("stage_shares", sweep, [along], settings)
        shares = sweep.shares[place]
        title, across = [sweep.name, fixed, f"n = {len(sweep.problems):,} problems"], _axis_label(along)
        names = list(sweep.stage_names)
    with new_axes(ax) as drawn:
        below = np.zeros(len(shares))
        for stage, name in enumerate(names):
            style = stage % len(COLOURS)
            drawn.bar(
                range(len(shares)),
                100 * shares[:, stage],
                bottom=100 * below,
                width=0.75,
                color=COLOURS[style],
                hatch=HATCHES[style],
                edgecolor="white",
                label=name,
            )
            for bar, share in enumerate(shares[:, stage].tolist()):
                if share >= 0.06 and len(shares) <= 12:
                    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
                    drawn.text(
                        bar,
                        100 * (below[bar] + share / 2),
                        f"{100 * share:.0f}",
                        ha="center",
                        va="center",
                        fontsize=7.5,
                        bbox=box,
                    )
            below += shares[:, stage]
        drawn.set_ylim(0, 100)
        if runs:
            methods = [run.name for run in runs]
            drawn.set_xticks(range(len(methods)), methods, rotation=0 if fit_side_by_side(methods) else 20)
        else:
            set_ticks(drawn.xaxis, sweep.axes[along])
        drawn.set_xlabel(across)
        drawn.set_ylabel("Share of problems (%)")
        drawn.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), title="Ended by")
        set_title(drawn, *title)
    return drawn


# --- recordings and runs ----------------------------------------------------------------------------------------------


def calibration(
    recording: Recording, *, k: int | None = None, confidence: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Whether consensus means what it says: accuracy of the first stage's majority by its share of the k votes.

    Args:
        recording: its first stage is looked at, over all problems.
        k: how many samples vote; default all that were recorded.
        confidence: level of Wilson's intervals, each by itself; default 0.95.
        ax: where to draw; default a new figure.

    Returns:
        The axes. On the diagonal a consensus of 75 % is right for 75 % of the problems; above it more often.

    Raises:
        ConfigError: k is more than was recorded.
        DataError: no problem has a gold answer and all its samples.

    Example:
        >>> calibration(recording, k=8)  # doctest: +SKIP
    """
    _checked("calibration", [recording], Recording)
    votes, correct, k = consensus(recording, k)
    levels = np.unique(votes)
    sizes = np.array([(votes == level).sum() for level in levels])
    right = np.array([correct[votes == level].sum() for level in levels])
    intervals = [wilson(int(r), int(n), confidence) for r, n in zip(right, sizes, strict=True)]
    accuracy, low, high = (
        right / sizes,
        np.array([each.low for each in intervals]),
        np.array([each.high for each in intervals]),
    )
    gap = float((sizes * np.abs(accuracy - levels / k)).sum() / sizes.sum())
    with new_axes(ax) as drawn:
        drawn.bar(100 * levels / k, 100 * sizes / sizes.sum(), width=60 / k, color="#D9D9D9", label="Share of problems")
        drawn.plot([0, 100], [0, 100], "--", color=GREY, linewidth=1, label="Consensus = accuracy")
        drawn.errorbar(
            100 * levels / k, 100 * accuracy, yerr=error_lengths(accuracy, low, high), fmt="o-", color=COLOURS[0], elinewidth=0.9, capsize=2,
            label=f"Accuracy, {100 * confidence:g} % intervals; above: n",
        )  # fmt: skip
        for level, size, top in zip(levels, sizes, 100 * high, strict=True):
            drawn.annotate(
                f"{size}", (100 * level / k, top), (0, 5), textcoords="offset points", ha="center", fontsize=7
            )
        drawn.set_xlim(-4, 104)
        drawn.set_ylim(0, 112)
        drawn.set_yticks(range(0, 101, 20))
        drawn.set_xlabel(f"Consensus: the majority's share of k = {k} votes (%)")
        drawn.set_ylabel("Accuracy; share of problems (%)")
        drawn.grid(True)
        legend_below(drawn, 2)
        set_title(drawn, recording.name, f"n = {len(votes):,} problems", f"mean gap {100 * gap:.1f} points")
    return drawn


def difficulty(
    *runs: Run,
    by: str = "level",
    groups: Mapping[str, Sequence[Any]] | None = None,
    confidence: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy by difficulty, a bar a method, with Wilson's intervals.

    Args:
        runs: over the same problems.
        by: the field of the problems' `meta`; default "level".
        groups: {label: values of the field}; every value must be in one. Default: each value by itself.
        confidence: level of the intervals, each by itself; default 0.95.
        ax: where to draw; default a new figure.

    Returns:
        The axes.

    Raises:
        ConfigError: as `cope.reports.difficulty`.
        DataError: likewise.

    Source:
        Table 9, as a picture.

    Example:
        >>> difficulty(small_run, cope_run)  # doctest: +SKIP
    """
    found = [group_problems(each, by, groups) for each in checked_runs("difficulty", runs)]
    labels = list(dict.fromkeys(label for each in found for label in each))
    width = 0.8 / len(runs)
    with new_axes(ax) as drawn:
        for number, (run, parts) in enumerate(zip(runs, found, strict=True)):
            counts = [
                (sum(problem.correct for problem in parts.get(label, ())), len(parts.get(label, ())))
                for label in labels
            ]
            accuracy = np.array([right / n if n else np.nan for right, n in counts])
            intervals = [wilson(right, n, confidence) for right, n in counts]
            style = number % len(COLOURS)
            low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("low", "high"))
            drawn.bar(
                np.arange(len(labels)) + (number - (len(runs) - 1) / 2) * width, 100 * accuracy, width=width * 0.94, color=COLOURS[style],
                hatch=HATCHES[style], edgecolor="white", yerr=error_lengths(accuracy, low, high), capsize=2, error_kw={"elinewidth": 0.9}, label=run.name,
            )  # fmt: skip
        sizes = [max(len(parts.get(label, ())) for parts in found) for label in labels]
        drawn.set_xticks(
            range(len(labels)), [f"{label}\nn = {size:,}" for label, size in zip(labels, sizes, strict=True)]
        )
        drawn.set_ylim(0, 104)
        drawn.set_xlabel(by.capitalize())
        drawn.set_ylabel(f"{ACCURACY}, {100 * confidence:g} % intervals")
        drawn.grid(True, axis="y")
        legend_below(drawn, 3)
        set_title(drawn, f"Accuracy by {by}, n = {sum(sizes):,} problems")
    return drawn
