"""The paper's tables of one's own runs, one call each: by difficulty, by k, by thresholds, over seeds, planner by executor.

Each takes runs (`cope.run`, `cope.open`) and gives a `Table`. Problems that failed or are unfinished are left out and counted in the caption; problems
without a scored answer count as wrong.

Example:
    >>> cope.reports.difficulty(small_majority, cope_run, groups={"1-2": (1, 2), "3-4": (3, 4), "5": (5,)})  # doctest: +SKIP
    >>> cope.reports.error_bars(*(cope.run(method, problems, seed=seed) for seed in range(5)))  # doctest: +SKIP
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._outcomes import Outcome, checked_runs, group_problems
from .errors import ConfigError, DataError
from .result import Run
from .stats import Interval, holm, mcnemar, paired_bootstrap, wilson
from .sweeps import Sweep
from .tables import Column, Table, axis_value, count, percent, points, settings_text, usd_per_million
from .trace import fraction_text

__all__ = ["differences", "difficulty", "effect_of_k", "error_bars", "planner_executor", "thresholds"]


def _left_out(runs: Sequence[Run], problems: Sequence[Mapping[str, Any]]) -> str:
    gone = [
        f"{run.name}: {count(run.counts.problems - len(ended))} of {count(run.counts.problems)}"
        for run, ended in zip(runs, problems, strict=True)
        if len(ended) < run.counts.problems
    ]
    return f" Left out, because they failed, are unfinished or have no gold answer: {'; '.join(gone)}." if gone else ""


def _cost(problems: Iterable[Outcome]) -> str:
    costs = [problem.cost_pusd for problem in problems]
    known = [cost for cost in costs if cost is not None]
    return usd_per_million(sum(known) if len(known) == len(costs) else None, len(costs))


def _accuracy(problems: Sequence[Outcome], confidence: float) -> str:
    right = sum(problem.correct for problem in problems)
    return percent(right / len(problems), wilson(right, len(problems), confidence)) if problems else "-"


# --- by difficulty ----------------------------------------------------------------------------------------------------


def difficulty(
    *runs: Run, by: str = "level", groups: Mapping[str, Sequence[Any]] | None = None, confidence: float = 0.95
) -> Table:
    """Accuracy and cost by difficulty, a row a method.

    Args:
        runs: over the same problems.
        by: the field of the problems' `meta` that says how difficult they are; default "level".
        groups: {label: values of the field}; every value must be in one. Default: each value by itself.
        confidence: level of Wilson's intervals, each by itself; default 0.95.

    Returns:
        The table: for each group accuracy with its interval and USD per million problems, and both for all problems.

    Raises:
        ConfigError: no run, different problem sets, a problem without the field, a value in no group.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 9.

    Example:
        >>> difficulty(small, cope_run, groups={"1-2": (1, 2), "3-4": (3, 4), "5": (5,)})  # doctest: +SKIP
    """
    problems = checked_runs("difficulty", runs)
    parted = [group_problems(each, by, groups) for each in problems]
    labels = list(dict.fromkeys(label for each in parted for label in each))
    columns: list[str | Column] = ["Method"]
    for label in (*(f"{by} {label}" for label in labels), "all"):
        columns += [Column(f"{label}: accuracy", right=True), Column(f"{label}: USD per million", right=True)]
    rows = []
    for run, ended, parts in zip(runs, problems, parted, strict=True):
        sets = [*(parts.get(label, []) for label in labels), list(ended.values())]
        rows.append([run.name, *(cell for part in sets for cell in (_accuracy(part, confidence), _cost(part)))])
    sizes = ", ".join(f"{label}: {count(len(parted[0].get(label, [])))}" for label in labels)
    caption = f"Problems by {by}: {sizes}. Intervals: Wilson, {100 * confidence:g} %, each by itself.{_left_out(runs, problems)}"
    return Table(f"By {by}, {count(len(problems[0]))} problems", columns, rows, caption)


# --- by k and by thresholds -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Point:
    """What a table says of one setting, from a run or from a point of a sweep."""

    k: int
    thresholds: tuple[str, ...]
    problems: int
    right: float
    accepted: float
    accepted_right: float
    resolved: tuple[float, ...]
    cost_pusd: int | None
    counts: bool  # whether the figures are counts, with intervals, or expectations

    def accuracy(self, confidence: float) -> str:
        return self._share(self.right, self.problems, confidence)

    def given_consensus(self, confidence: float) -> str:
        return self._share(self.accepted_right, self.accepted, confidence)

    def _share(self, part: float, whole: float, confidence: float) -> str:
        if not whole:
            return "-"
        return percent(part / whole, wilson(int(part), int(whole), confidence) if self.counts else None)

    def number(self, value: float) -> str:
        return count(int(value)) if self.counts else f"{value:,.1f}"


def _of_run(run: Run, ended: Mapping[str, Outcome]) -> _Point:
    cascade = run.manifest["cascade"]
    gates = [stage["gate"] for stage in cascade["stages"]]
    found, last = list(ended.values()), len(gates) - 1
    accepted = [problem for problem in found if 0 <= problem.stage < last]
    costs = [problem.cost_pusd for problem in found]
    return _Point(
        k=int(cascade["draws"][gates[0]["draw"]]["n"]),
        thresholds=tuple(f"{gate['comparison']} {fraction_text(gate['threshold'])}" for gate in gates[:-1]),
        problems=len(found),
        right=sum(problem.correct for problem in found),
        accepted=len(accepted),
        accepted_right=sum(problem.correct for problem in accepted),
        resolved=tuple(sum(problem.stage == stage for problem in found) for stage in range(len(gates))),
        cost_pusd=None if None in costs else sum(cost for cost in costs if cost is not None),
        counts=True,
    )


def _of_sweep(sweep: Sweep, settings: Mapping[str, Any]) -> _Point:
    point = sweep.at(**settings)
    accepted = 1 - point.resolved[:, -1]
    gates = {name: sweep.gate(name, point.settings["k"])[0] for name in point.settings if name != "k"}
    return _Point(
        k=int(point.settings["k"]),
        thresholds=tuple(f"{gates[name]['comparison']} {axis_value(point.settings[name])}" for name in gates),
        problems=len(point.problems),
        right=point.correct.sum().item(),
        accepted=accepted.sum().item(),
        accepted_right=(accepted * point.correct)
        .sum()
        .item(),  # of outcomes; the product of expectations would be none
        resolved=tuple(point.resolved.sum(axis=0).tolist()),
        cost_pusd=None if point.cost_pusd is None else round(point.cost_pusd.sum().item()),
        counts=point.stage is not None,
    )


def _points(
    what: str, shown: Sequence[Run | Sweep], along: Sequence[str], settings: Mapping[str, Any]
) -> tuple[list[_Point], str]:
    """The rows of a table, of runs or along some axes of one sweep; and what to say below."""
    if len(shown) != 1 or not isinstance(shown[0], Sweep):
        runs = [each for each in shown if isinstance(each, Run)]
        if len(runs) < len(shown):
            raise ConfigError(f"{what}: expected runs, or one sweep alone")
        if settings:
            raise ConfigError(f"{what}: {next(iter(settings))} is a setting of a sweep; runs have none")
        problems = checked_runs(what, runs)
        return [_of_run(run, ended) for run, ended in zip(runs, problems, strict=True)], _left_out(runs, problems)
    sweep = shown[0]
    free = {name: values for name, values in sweep.axes.items() if name in along and name not in settings}
    rows = itertools.product(*free.values())
    found = [_of_sweep(sweep, {**settings, **dict(zip(free, row, strict=True))}) for row in rows]
    given = settings_text(
        {
            name: sweep.axes[name][i]
            for name, i in zip(sweep.axes, sweep.index({**{n: v[0] for n, v in free.items()}, **settings}), strict=True)
            if name not in free
        }
    )
    return found, f" {given}; estimator {sweep.estimator}; costs without early stopping."


def effect_of_k(*shown: Run | Sweep, confidence: float = 0.95, **settings: Any) -> Table:
    """Accuracy, and accuracy given consensus, by the number of samples k.

    Args:
        shown: runs of one cascade at several k, over the same problems; or one sweep over k, in sampling order.
        confidence: level of Wilson's intervals, each by itself; default 0.95.
        **settings: of a sweep: a value for each other axis with more than one, as `tau1=0.75`.

    Returns:
        The table, by rising k.

    Raises:
        ConfigError: nothing to show, different problem sets, a cascade of one stage, which has no gate, or a sweep of expectations, which do not tell how
            often what is accepted is right.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 10. Its last column is read as: of the problems resolved in stage 1 or 2, the share that is right.

    Example:
        >>> effect_of_k(recording.sweep(k=[4, 8, 32]))  # doctest: +SKIP
    """
    points, note = _points("effect_of_k", shown, ["k"], settings)
    if len(points[0].resolved) < 2:
        raise ConfigError("effect_of_k: the cascade has one stage, so no gate that could find a consensus")
    if not points[0].counts:
        raise ConfigError(
            'effect_of_k: expected a sweep with estimator="order"; expectations do not tell how often what is accepted is right'
        )
    rows = [
        (
            count(point.k),
            point.accuracy(confidence),
            point.given_consensus(confidence),
            point.number(point.accepted),
            usd_per_million(point.cost_pusd, point.problems),
        )
        for point in sorted(points, key=lambda point: point.k)
    ]
    names = ("k", "Accuracy", "Accuracy given consensus", "Accepted by consensus", "USD per million")
    caption = (
        "Accuracy given consensus: of the problems that a gate accepted before the last stage, the share that is right. "
        f"Intervals: Wilson, {100 * confidence:g} %, each by itself.{note}"
    )
    return Table(
        f"Effect of k, {count(points[0].problems)} problems",
        [Column(name, right=True) for name in names],
        rows,
        caption,
    )


def thresholds(*shown: Run | Sweep, confidence: float = 0.95, **settings: Any) -> Table:
    """Problems resolved by each stage, accuracy and cost, by the thresholds of the gates.

    Args:
        shown: runs of one cascade at several thresholds, over the same problems; or one sweep, whose points all become rows.
        confidence: level of Wilson's intervals, each by itself; default 0.95. A sweep of expectations has none.
        **settings: of a sweep: a value of an axis that shall not vary, as `k=8`; needed for k where there are several.

    Returns:
        The table, in the order of the runs or of the sweep's points.

    Raises:
        ConfigError: nothing to show, different problem sets, or cascades with different numbers of stages.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 11.

    Example:
        >>> thresholds(recording.sweep(k=8, tau1=[0.5, 0.75], tau2=[0.5, 0.75]))  # doctest: +SKIP
    """
    points, note = _points("thresholds", shown, [f"tau{stage}" for stage in range(1, 100)], settings)
    if len({len(point.resolved) for point in points}) > 1:
        raise ConfigError(
            "thresholds: the runs' cascades have different numbers of stages; compare one cascade at several thresholds"
        )
    rows = [
        (
            *point.thresholds,
            *map(point.number, point.resolved),
            point.accuracy(confidence),
            usd_per_million(point.cost_pusd, point.problems),
        )
        for point in points
    ]
    stages = range(1, len(points[0].resolved) + 1)
    names = [f"Threshold {stage}" for stage in range(1, len(points[0].thresholds) + 1)] + [
        f"Resolved by stage {stage}" for stage in stages
    ]
    columns = [Column(name, right=True) for name in (*names, "Accuracy", "USD per million")]
    intervals = f"Intervals: Wilson, {100 * confidence:g} %, each by itself." if points[0].counts else "Expectations."
    return Table(f"Thresholds, {count(points[0].problems)} problems", columns, rows, intervals + note)


# --- over seeds, and between methods ----------------------------------------------------------------------------------


def error_bars(*runs: Run) -> Table:
    """Mean and standard deviation of accuracy and cost over runs with different seeds, a row a method.

    Args:
        runs: of one method or several, each with two seeds or more, over the same problems.

    Returns:
        The table. The deviation is over seeds (n - 1 in the denominator): what another seed would change, not what other problems would.

    Raises:
        ConfigError: no run, different problem sets, a method with one seed only or one seed twice.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 12.

    Example:
        >>> error_bars(*(cope.run(method, problems, seed=seed, store="runs/seeds") for seed in range(5)))  # doctest: +SKIP
    """
    problems = checked_runs("error_bars", runs)
    by_name: dict[str, list[tuple[int, dict[str, Outcome]]]] = {}
    for run, ended in zip(runs, problems, strict=True):
        by_name.setdefault(run.name, []).append((int(run.manifest["seed"]), ended))
    rows = []
    for name, group in by_name.items():
        seeds = [seed for seed, _ in group]
        if len(seeds) < 2 or len(set(seeds)) < len(seeds):
            raise ConfigError(
                f"error_bars: {name!r} needs runs with two different seeds or more, got seeds {', '.join(map(str, seeds))}; pass seed= to cope.run"
            )
        accuracies = [sum(p.correct for p in ended.values()) / len(ended) for _, ended in group]
        costs = [
            None
            if None in (each := [p.cost_pusd for p in ended.values()])
            else sum(c for c in each if c is not None) / len(each) / 1e6
            for _, ended in group
        ]
        known = [cost for cost in costs if cost is not None]
        money = (
            f"{statistics.mean(known):.2f} ± {statistics.stdev(known):.2f}" if len(known) == len(costs) else "unknown"
        )
        accuracy = f"{100 * statistics.mean(accuracies):.1f} ± {100 * statistics.stdev(accuracies):.2f}"
        rows.append((name, accuracy, money, ", ".join(map(str, sorted(seeds)))))
    columns = ("Method", Column("Accuracy (%)", right=True), Column("USD per million", right=True), "Seeds")
    caption = f"Mean ± standard deviation over seeds.{_left_out(runs, problems)}"
    return Table(f"Over seeds, {count(len(problems[0]))} problems", columns, rows, caption)


def differences(*runs: Run, reference: str | None = None, confidence: float = 0.95) -> Table:
    """Which methods differ in accuracy from one of them, on the same problems, with all comparisons in view.

    Args:
        runs: two or more, of different names, over the same problems.
        reference: the name of the run that the others are compared with. Default: the last.
        confidence: level of the intervals; default 0.95.

    Returns:
        The table: difference with an interval that holds for all comparisons at once (paired bootstrap), problems that only one of the two has right, McNemar's
        exact p-value, and that after Holm's correction.

    Raises:
        ConfigError: fewer than two runs, two of one name, an unknown reference, or different problem sets.
        DataError: a run has no problem that ended and has a gold answer, or no problem ended in all.

    Example:
        >>> differences(small_majority, large, cope_run, reference="Large")  # doctest: +SKIP
    """
    problems = checked_runs("differences", runs)
    names = [run.name for run in runs]
    if len(runs) < 2 or len(set(names)) < len(names):
        raise ConfigError(
            f"differences: expected two runs or more, of different names, got {', '.join(map(repr, names))}"
        )
    base = reference if reference is not None else names[-1]
    if base not in names:
        raise ConfigError(f"differences, reference: expected one of {', '.join(map(repr, names))}, got {reference!r}")
    shared = [identity for identity in problems[0] if all(identity in each for each in problems)]
    if not shared:
        raise DataError("differences: no problem ended in all of these runs")
    right = [[float(each[identity].correct) for identity in shared] for each in problems]
    result = paired_bootstrap(right, names=names, reference=base, confidence=confidence)
    others = [index for index, name in enumerate(names) if name != base]
    tests = [mcnemar(right[index], right[names.index(base)]) for index in others]
    adjusted = holm([test.p_value for test in tests])
    rows = []
    for index, test, p_value in zip(others, tests, adjusted.tolist(), strict=True):
        value: float = result.differences[index].value
        interval: Interval = result.simultaneous[index]
        rows.append(
            (
                names[index],
                points(value, interval),
                count(test.only_first),
                count(test.only_second),
                _p(test.p_value),
                _p(p_value),
            )
        )
    headings = (f"Points from {base}", "Right here only", f"Right in {base} only", "McNemar p", "p, Holm")
    caption = (
        f"Intervals: paired bootstrap over problems, {100 * confidence:g} % for all rows at once. McNemar's test is exact; Holm's correction is for "
        f"{len(others)} comparison{'s' if len(others) > 1 else ''}.{_left_out(runs, problems)}"
    )
    return Table(
        f"Differences, {count(len(shared))} problems",
        ("Method", *(Column(name, right=True) for name in headings)),
        rows,
        caption,
    )


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 0.0001 else "< 0.0001"


# --- planner by executor ----------------------------------------------------------------------------------------------


def _roles(run: Run) -> tuple[str, str, str]:
    """Type of plan, planner and executor of a run of `cope.methods.Planned`."""
    manifest = run.manifest
    draws, models = manifest["cascade"]["draws"], manifest["models"]
    plans = [draw for draw in draws if draw["plan"]]
    solutions = [draw for draw in draws if not draw["plan"]]
    if len(manifest["cascade"]["stages"]) != 1 or len(plans) > 1 or len(solutions) != 1:
        raise ConfigError(
            f"planner_executor: {run.name!r} is not one planner with one executor; build runs from cope.methods.Planned"
        )
    executor = str(models[solutions[0]["model"]]["model"])
    if not plans:
        return "none", "", executor
    return str(solutions[0]["given"][0]["field"]), str(models[plans[0]["model"]]["model"]), executor


def planner_executor(*runs: Run, confidence: float = 0.95) -> Table:
    """Accuracy by planner (rows) and executor (columns), for each type of plan.

    Args:
        runs: of `cope.methods.Planned`, over the same problems; those with plan="none" give the row without a plan.
        confidence: level of Wilson's intervals, each by itself; default 0.95.

    Returns:
        The table, in the order in which planners and executors come up; empty cells were not run.

    Raises:
        ConfigError: no run, different problem sets, a run of another kind of method, or two runs for one cell.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 2.

    Example:
        >>> grid = [cope.methods.Planned(planner, executor) for planner in (small, large) for executor in (small, large)]
        >>> planner_executor(*(cope.run(method, problems) for method in grid))  # doctest: +SKIP
    """
    problems = checked_runs("planner_executor", runs)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    executors: list[str] = []
    for run, ended in zip(runs, problems, strict=True):
        plan, planner, executor = _roles(run)
        row = cells.setdefault((plan, planner), {})
        if executor in row:
            raise ConfigError(
                f"planner_executor: two runs have plan {plan!r}, planner {planner!r} and executor {executor!r}; leave one out"
            )
        row[executor] = _accuracy(list(ended.values()), confidence)
        if executor not in executors:
            executors.append(executor)
    order = sorted(cells, key=lambda key: key[0] != "none")  # first the row without a plan, else as they came up
    rows = [
        (plan, planner or "-", *(cells[plan, planner].get(executor, "") for executor in executors))
        for plan, planner in order
    ]
    columns: tuple[str | Column, ...] = (
        "Plan",
        "Planner",
        *(Column(f"Executor {executor}", right=True) for executor in executors),
    )
    caption = f"Accuracy. Intervals: Wilson, {100 * confidence:g} %, each by itself.{_left_out(runs, problems)}"
    return Table(f"Planner by executor, {count(len(problems[0]))} problems", columns, rows, caption)
