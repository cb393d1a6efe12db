"""The demo: COPE, live, on word problems or tiny functions, with the embedded pair of miniature models, beside its baselines.

Example:
    >>> shown = demo(20, seed=0)  # doctest: +SKIP
    >>> print(shown.table)  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import local, methods
from .datasets import tiny_functions, word_problems
from .errors import ConfigError
from .result import Run, Trace
from .running import run
from .stats import paired_bootstrap
from .tables import Column, Table, count, percent, points, seconds, usd_per_million

__all__ = ["TASKS", "Demo", "demo"]

TASKS = ("math", "code")
REFERENCE = "Large"
_WHOLE_PERCENTS = 200
"""Up to so many problems a tenth of a percent says nothing."""
WARNING = "The models are a miniature pair on made-up problems: this shows the machinery at work and is no evidence for any claim about large language models."


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo found.

    Attributes:
        table: the methods side by side.
        figures: the same as plain values, one dict a method; see `Run.figures`.
        trace: a problem that stage 2 of COPE resolved, else stage 3, else any; None where there is none.
        seconds: how long the runs took, the start of the models included.
    """

    table: Table
    figures: tuple[dict[str, Any], ...]
    trace: Trace | None
    seconds: float

    @property
    def trace_title(self) -> str:
        """What the trace is an example of."""
        if self.trace is None:
            return ""
        return (
            f"One problem that COPE resolved in stage {self.trace.stage + 1}:"
            if self.trace.stage >= 0
            else "One problem:"
        )

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def demo(
    problems: int = 100, *, seed: int = 0, task: str = "math", store: str | Path | None = None, progress: bool = True
) -> Demo:
    """Runs COPE and its baselines on the same problems, with the embedded pair.

    Args:
        problems: how many; default 100.
        seed: draws the problems and the samples; default 0.
        task: "math": word problems; "code": tiny Python functions, gated by a visible test and scored by hidden ones.
        store: where samples and runs are kept; default nowhere, so that every demo is live.
        progress: whether to show a bar for each method.

    Returns:
        The table, its figures and one trace.

    Raises:
        ConfigError: an unknown task, or `xllamacpp` is not installed.

    Example:
        >>> demo(20).table  # doctest: +SKIP
    """
    if task not in TASKS:
        raise ConfigError(
            f"task: expected one of {', '.join(map(repr, TASKS))}, got {task!r}; other tasks have no demo yet"
        )
    began = time.monotonic()
    code = task == "code"
    chosen = tiny_functions(problems, seed=seed) if code else word_problems(problems, seed=seed)
    gate: Literal["consensus", "passed"] = "passed" if code else "consensus"
    with local.pair() as (small, large):
        cascades = [
            methods.SmallSingle(small),
            methods.SmallMajority(small, gate=gate),
            methods.Large(large),
            methods.COPE(small, large, gate=gate),
        ]
        runs = [run(cascade, chosen, store=store, seed=seed, task=task, progress=progress) for cascade in cascades]
    took = time.monotonic() - began
    return Demo(
        table(runs, took, "tiny functions" if code else "word problems"),
        tuple(each.figures() for each in runs),
        example(runs[-1]),
        took,
    )


def table(runs: Sequence[Run], took_s: float, kind: str = "word problems") -> Table:
    """The methods side by side, with paired intervals over the problems that ended in all of them.

    Args:
        runs: over the same problems; one of them is called "Large".
        took_s: how long they took, in seconds.
        kind: of problems, in words.

    Returns:
        The table.
    """
    names = [each.name for each in runs]
    scores = [
        {row["problem_id"]: bool(row["correct"]) for row in each.rows if row["status"] in ("answered", "unscored")}
        for each in runs
    ]
    shared = [identity for identity in scores[0] if all(identity in each for each in scores)]
    paired = (
        paired_bootstrap([[each[identity] for identity in shared] for each in scores], names=names, reference=REFERENCE)
        if shared
        else None
    )
    total = max(each.counts.problems for each in runs)
    digits = 0 if total <= _WHOLE_PERCENTS else 1
    rows = []
    for each in runs:
        mean = paired.mean(each.name) if paired else None
        difference = paired.difference(each.name) if paired else None
        cost, whole = each.cost, max(each.counts.problems, 1)
        rows.append(
            (
                each.name,
                percent(mean.value, mean.interval, digits=digits) if mean else percent(None),
                ""
                if each.name == REFERENCE
                else points(difference.value, difference.interval, digits=digits)
                if difference
                else points(None),
                usd_per_million(cost.billed_pusd, cost.problems),
                usd_per_million(cost.ideal_pusd, cost.problems),
                " / ".join(f"{100 * number / whole:.{digits}f}" for number in each.resolved) + " %",
                f"{count(each.saved)} of {count(each.saved + each.samples)}",
            )
        )
    gone = (
        f" {total - len(shared)} of {total} problems failed or are unfinished and are left out."
        if len(shared) < total
        else ""
    )
    caption = (
        f"Intervals: 95 %, paired bootstrap over the problems.{gone} Costs in USD per million problems: billed, and as if nothing had come from a store; "
        f"the large model is priced at 0.15 / 0.60 USD per million tokens in / out, the small one is free. Took {seconds(round(took_s * 1000))}.\n{WARNING}"
    )
    right = [
        Column(name, right=True)
        for name in ("USD per million, billed", "USD per million, uncached", "Resolved by stage", "Samples saved")
    ]
    paired_columns = [Column(name, right=True) for name in ("Accuracy (95 %)", f"Points from {REFERENCE} (95 %)")]
    columns: list[str | Column] = ["Method", *paired_columns, *right]
    return Table(f"{total} {kind}, embedded pair", columns, rows, caption)


def example(run: Run) -> Trace | None:
    """A problem worth reading: one that stage 2 resolved, and rightly, where there is one; else stage 3; else any.

    Args:
        run: of COPE.

    Returns:
        Its trace; None where no problem was answered.
    """
    answered = [row for row in run.rows if row["status"] == "answered"]
    worth = sorted(
        answered, key=lambda row: (row["stage"] != 1, row["stage"] != 2, not row["correct"], row["position"])
    )
    return run[worth[0]["problem_id"]] if worth else None
