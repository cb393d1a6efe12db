"""The paper's tables of one's own runs, one call each: by difficulty, by k, by thresholds, over seeds, planner by executor.

Each takes runs (`cope.run`, `cope.open`) and gives a `Table`. Problems that failed or are unfinished are left out and counted in the caption; problems
without a scored answer count as wrong.

Example:
    >>> cope.reports.difficulty(small_majority, cope_run, groups={"1-2": (1, 2), "3-4": (3, 4), "5": (5,)})  # doctest: +SKIP
    >>> cope.reports.error_bars(*(cope.run(method, problems, seed=seed) for seed in range(5)))  # doctest: +SKIP
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError, DataError
from .result import Run
from .stats import Interval, holm, mcnemar, paired_bootstrap, wilson
from .tables import Column, Table, count, percent, points, usd_per_million
from .trace import fraction_text

__all__ = ["differences", "difficulty", "effect_of_k", "error_bars", "planner_executor", "thresholds"]


@dataclass(frozen=True, slots=True)
class _Problem:
    """A problem that ended and has a gold answer."""

    correct: bool
    stage: int
    cost_pusd: int | None
    meta: Mapping[str, Any]


def _ended(run: Run) -> dict[str, _Problem]:
    """A run's problems that ended and have a gold answer, by id."""
    found = {}
    for row, each in zip(run.rows, run.to_dicts(), strict=True):
        if each["status"] in ("answered", "unscored") and each["gold"] is not None:
            found[row["problem_id"]] = _Problem(bool(row["correct"]), row["stage"], row["ideal_pusd"], each["meta"])
    return found


def _checked(what: str, runs: Sequence[Run]) -> list[dict[str, _Problem]]:
    """The problems of each run; refuses what makes rows of a table mean different things."""
    if not runs:
        raise ConfigError(f"{what}: expected at least one run")
    for each in runs:
        if not isinstance(each, Run):
            raise ConfigError(f"{what}: expected runs, such as of cope.run or cope.open, got {type(each).__name__}")
    hashes = {run.manifest["problems"]["sha256"] for run in runs}
    tasks = sorted({str(run.manifest["task"]["name"]) for run in runs})
    if len(tasks) > 1:
        raise ConfigError(f"{what}: the runs are of different tasks ({', '.join(tasks)})")
    if len(hashes) > 1:
        raise ConfigError(f"{what}: the runs are over different problem sets; run all methods over the same problems")
    problems = [_ended(run) for run in runs]
    for run, ended in zip(runs, problems, strict=True):
        if not ended:
            raise DataError(f"{what}: no problem of {run.name!r} both ended and has a gold answer")
    return problems


def _left_out(runs: Sequence[Run], problems: Sequence[Mapping[str, Any]]) -> str:
    gone = [
        f"{run.name}: {count(run.counts.problems - len(ended))} of {count(run.counts.problems)}"
        for run, ended in zip(runs, problems, strict=True)
        if len(ended) < run.counts.problems
    ]
    return f" Left out, because they failed, are unfinished or have no gold answer: {'; '.join(gone)}." if gone else ""


def _cost(problems: Iterable[_Problem]) -> str:
    costs = [problem.cost_pusd for problem in problems]
    known = [cost for cost in costs if cost is not None]
    return usd_per_million(sum(known) if len(known) == len(costs) else None, len(costs))


def _accuracy(problems: Sequence[_Problem], confidence: float) -> str:
    right = sum(problem.correct for problem in problems)
    return percent(right / len(problems), wilson(right, len(problems), confidence)) if problems else "-"


# --- by difficulty ----------------------------------------------------------------------------------------------------


def group_problems(
    problems: Mapping[str, _Problem], by: str, groups: Mapping[str, Sequence[Any]] | None
) -> dict[str, list[_Problem]]:
    """Problems by a field of their `meta`.

    Raises:
        ConfigError: some problem has no such field, a value is in no group, or a group is empty.
    """
    values = {identity: problem.meta.get(by) for identity, problem in problems.items()}
    lacking = [identity for identity, value in values.items() if value is None]
    if lacking:
        fields = sorted({name for problem in problems.values() for name in problem.meta})
        raise ConfigError(
            f"by: problem {lacking[0]!r} has no {by!r} in its meta ({len(lacking)} such in all); there are {', '.join(map(repr, fields)) or 'no fields'}"
        )
    if groups is None:
        distinct = sorted(set(values.values()), key=lambda value: (isinstance(value, str), value))
        groups = {str(value): (value,) for value in distinct}
    found: dict[str, list[_Problem]] = {label: [] for label in groups}
    label_of = {value: label for label, members in groups.items() for value in members}
    for identity, problem in problems.items():
        if values[identity] not in label_of:
            raise ConfigError(
                f"groups: {by} {values[identity]!r} of problem {identity!r} is in none of {', '.join(map(repr, groups))}"
            )
        found[label_of[values[identity]]].append(problem)
    return found


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
    problems = _checked("difficulty", runs)
    grouped = [group_problems(each, by, groups) for each in problems]
    labels = list(dict.fromkeys(label for each in grouped for label in each))
    columns: list[str | Column] = ["Method"]
    for label in (*(f"{by} {label}" for label in labels), "all"):
        columns += [Column(f"{label}: accuracy", right=True), Column(f"{label}: USD per million", right=True)]
    rows = []
    for run, ended, parts in zip(runs, problems, grouped, strict=True):
        sets = [*(parts.get(label, []) for label in labels), list(ended.values())]
        rows.append([run.name, *(cell for part in sets for cell in (_accuracy(part, confidence), _cost(part)))])
    sizes = ", ".join(f"{label}: {count(len(grouped[0].get(label, [])))}" for label in labels)
    caption = (
        f"Problems by {by}: {sizes}. Intervals: Wilson, {confidence:.0%}, each by itself.{_left_out(runs, problems)}"
    )
    return Table(f"By {by}, {count(len(problems[0]))} problems", columns, rows, caption)


# --- by k and by thresholds -------------------------------------------------------------------------------------------


def _k(run: Run) -> int:
    """How many samples the run's first gate looks at."""
    cascade = run.manifest["cascade"]
    return int(cascade["draws"][cascade["stages"][0]["gate"]["draw"]]["n"])


def _accepted(run: Run, ended: Mapping[str, _Problem]) -> list[_Problem]:
    """The problems that a gate accepted, before the last stage."""
    last = len(run.manifest["cascade"]["stages"]) - 1
    return [problem for problem in ended.values() if 0 <= problem.stage < last]


def k_row(
    k: int, right: int, accepted_right: int, accepted: int, problems: int, cost_pusd: int | None, confidence: float
) -> tuple[str, ...]:
    """A row of `effect_of_k`, from counts."""
    given = percent(accepted_right / accepted, wilson(accepted_right, accepted, confidence)) if accepted else "-"
    accuracy = percent(right / problems, wilson(right, problems, confidence))
    return (count(k), accuracy, given, count(accepted), usd_per_million(cost_pusd, problems))


def k_table(rows: Iterable[Sequence[str]], problems: int, confidence: float, note: str = "") -> Table:
    """The table of `effect_of_k`, from its rows."""
    names = ("k", "Accuracy", "Accuracy given consensus", "Accepted by consensus", "USD per million")
    caption = (
        "Accuracy given consensus: of the problems that a gate accepted before the last stage, the share that is right. "
        f"Intervals: Wilson, {confidence:.0%}, each by itself.{note}"
    )
    return Table(
        f"Effect of k, {count(problems)} problems", [Column(name, right=True) for name in names], rows, caption
    )


def effect_of_k(*runs: Run, confidence: float = 0.95) -> Table:
    """Accuracy, and accuracy given consensus, by the number of samples k.

    Args:
        runs: of one cascade at several k, over the same problems. To sweep k over one recording: `Sweep.effect_of_k`.
        confidence: level of Wilson's intervals, each by itself; default 0.95.

    Returns:
        The table, by rising k.

    Raises:
        ConfigError: no run, different problem sets, or a cascade of one stage, which has no gate.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 10. Its last column is read as: of the problems resolved in stage 1 or 2, the share that is right.

    Example:
        >>> effect_of_k(*(cope.run(cope.methods.COPE(small, large, k=k), problems) for k in (4, 8)))  # doctest: +SKIP
    """
    problems = _checked("effect_of_k", runs)
    for run in runs:
        if len(run.manifest["cascade"]["stages"]) < 2:
            raise ConfigError(f"effect_of_k: {run.name!r} has one stage, so no gate that could find a consensus")
    rows = []
    for run, ended in sorted(zip(runs, problems, strict=True), key=lambda pair: _k(pair[0])):
        accepted, costs = _accepted(run, ended), [problem.cost_pusd for problem in ended.values()]
        right = sum(problem.correct for problem in ended.values())
        total = sum(cost for cost in costs if cost is not None) if None not in costs else None
        rows.append(
            k_row(
                _k(run),
                right,
                sum(problem.correct for problem in accepted),
                len(accepted),
                len(ended),
                total,
                confidence,
            )
        )
    return k_table(rows, len(problems[0]), confidence, _left_out(runs, problems))


def thresholds(*runs: Run, confidence: float = 0.95) -> Table:
    """Problems resolved by each stage, accuracy and cost, by the thresholds of the gates.

    Args:
        runs: of one cascade at several thresholds, over the same problems. To sweep thresholds over one recording: `Sweep.thresholds`.
        confidence: level of Wilson's intervals, each by itself; default 0.95.

    Returns:
        The table, in the order of the runs.

    Raises:
        ConfigError: no run, different problem sets, or cascades with different numbers of stages.
        DataError: a run has no problem that ended and has a gold answer.

    Source:
        Table 11.

    Example:
        >>> pairs = [(0.5, 0.5), (0.75, 0.5)]
        >>> thresholds(*(cope.run(cope.methods.COPE(small, large, thresholds=pair), problems) for pair in pairs))  # doctest: +SKIP
    """
    problems = _checked("thresholds", runs)
    stages = [run.manifest["cascade"]["stages"] for run in runs]
    if len({len(each) for each in stages}) > 1:
        raise ConfigError(
            "thresholds: the runs' cascades have different numbers of stages; compare one cascade at several thresholds"
        )
    rows = []
    for gates, ended in zip(stages, problems, strict=True):
        found = list(ended.values())
        resolved = [sum(problem.stage == stage for problem in found) for stage in range(len(gates))]
        settings = [f"{gate['gate']['comparison']} {fraction_text(gate['gate']['threshold'])}" for gate in gates[:-1]]
        rows.append([*settings, *map(count, resolved), _accuracy(found, confidence), _cost(found)])
    return threshold_table(rows, len(stages[0]), len(problems[0]), confidence, _left_out(runs, problems))


def threshold_table(
    rows: Iterable[Sequence[str]], stages: int, problems: int, confidence: float, note: str = ""
) -> Table:
    """The table of `thresholds`, from its rows."""
    names = [f"Threshold {stage}" for stage in range(1, stages)]
    names += [f"Resolved by stage {stage}" for stage in range(1, stages + 1)]
    columns = [Column(name, right=True) for name in (*names, "Accuracy", "USD per million")]
    caption = f"Intervals: Wilson, {confidence:.0%}, each by itself.{note}"
    return Table(f"Thresholds, {count(problems)} problems", columns, rows, caption)


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
    problems = _checked("error_bars", runs)
    by_name: dict[str, list[tuple[int, dict[str, _Problem]]]] = {}
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
    problems = _checked("differences", runs)
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
        f"Intervals: paired bootstrap over problems, {confidence:.0%} for all rows at once. McNemar's test is exact; Holm's correction is for {len(others)} "
        f"comparison{'s' if len(others) > 1 else ''}.{_left_out(runs, problems)}"
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
    problems = _checked("planner_executor", runs)
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
    caption = f"Accuracy. Intervals: Wilson, {confidence:.0%}, each by itself.{_left_out(runs, problems)}"
    return Table(f"Planner by executor, {count(len(problems[0]))} problems", columns, rows, caption)
