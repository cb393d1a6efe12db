"""Several runs side by side, with paired intervals over the problems they share."""

from __future__ import annotations

from .errors import ConfigError
from .problems import can_grade
from .result import Run
from .tables import Column, Table, count, percent, points, usd_per_million
from .trace import Trace

__all__ = ["compare"]


def compare(*runs: Run, reference: str | None = None) -> Table:
    """Compares runs over the same problems.

    The intervals of accuracies and differences are paired: they resample problems, all runs together.

    Args:
        runs: Two or more, each over the same problem set; a problem that failed or is unfinished in one of them is left out of the comparison for all,
            which the caption then says.
        reference: The method that differences are taken from. Default: the last run.

    Returns:
        A table: method, accuracy, difference, cost in USD per million problems, problems resolved by each stage, samples saved.

    Raises:
        ConfigError: Fewer than two runs, two of one name, an unknown reference, or different problem sets.

    Example:
        >>> cope.compare(small_majority, large, cope_run, reference="Large")  # doctest: +SKIP
    """
    import numpy

    from .stats import paired_bootstrap

    names = [run.name for run in runs]
    if len(runs) < 2:
        raise ConfigError(f"compare: expected two runs or more, got {len(runs)}")
    if len(set(names)) != len(names):
        raise ConfigError(
            f"compare: two runs have one name ({', '.join(names)}); name methods apart: method.renamed('...')"
        )
    if reference is not None and reference not in names:
        raise ConfigError(f"compare, reference: expected one of {', '.join(names)}, got {reference!r}")
    chosen = reference if reference is not None else names[-1]
    hashes = {run.manifest["problems"]["sha256"] for run in runs}
    ids = [{row["problem_id"] for row in run.rows} for run in runs]
    if len(hashes) > 1 or (None in hashes and any(each != ids[0] for each in ids)):
        raise ConfigError(
            "compare: the runs are over different problem sets, so that their differences mean nothing; run them over the same problems"
        )
    scores = [_scores(run) for run in runs]
    shared = [identity for identity in scores[0] if all(identity in each for each in scores)]
    if not shared:
        raise ConfigError("compare: no problem with a gold answer ended in all of these runs")
    values = numpy.array([[float(each[identity]) for identity in shared] for each in scores])
    result = paired_bootstrap(values, names=names, reference=chosen)
    rows = []
    for index, run in enumerate(runs):
        mean, difference = result.mean(names[index]), result.difference(names[index])
        same = names[index] == chosen
        rows.append(
            (
                run.name,
                percent(mean.value, mean.interval),
                "-" if same else points(difference.value, difference.interval),
                usd_per_million(run.cost.ideal_pusd, run.cost.problems),
                " / ".join(map(count, run.resolved)),
                count(run.saved),
            )
        )
    total = max(run.counts.problems for run in runs)
    left_out = (
        f"; {total - len(shared)} of {total} problems failed, are unfinished or have no gold answer, and are left out"
        if total > len(shared)
        else ""
    )
    right = [Column(name, right=True) for name in ("USD per million", "Resolved by stage", "Samples saved")]
    columns: tuple[str | Column, ...] = ("Method", "Accuracy (95 %)", f"Points from {chosen} (95 %)", *right)
    return Table(f"{len(shared)} problems", columns, rows, f"Intervals: paired bootstrap over problems{left_out}.")


def _can_grade(trace: Trace) -> bool:
    return can_grade(trace.gold, trace.meta)


def _scores(run: Run) -> dict[str, bool]:
    """Right or not, by problem that ended and has a gold answer; an unscored problem is not right."""
    all_gold = run.counts.unscored_with_gold == run.counts.unscored
    found = {
        row["problem_id"]: bool(row["correct"])
        for row in run.rows
        if row["status"] == "answered" and row["correct"] is not None
    }
    for row in run.rows:
        if row["status"] == "unscored" and (all_gold or _can_grade(run[row["problem_id"]])):
            found[row["problem_id"]] = False
    return found
