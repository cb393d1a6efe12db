"""The progress bar of a run, in a terminal or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .tables import usd

if TYPE_CHECKING:
    from ._core import Progress

Report = Callable[["Progress"], None]


def describe(progress: Progress) -> str:
    """Returns a progress report as one line: accuracy so far, cost, problems resolved by each stage, samples saved, what went wrong.

    Example:
        >>> p = dict(started=9, done=8, resumed=0, answered=8, unscored=0, failed=0, unfinished=0, graded=8, correct=6, resolved_by_stage=[5, 3],
        ...     samples=70, samples_from_store=0, saved=10, requests_sent=70, retries=0, in_flight=4, billed_pusd=0, elapsed_ms=900)
        >>> describe(p)
        'right 6 of 8 · 0 USD · stages 5 + 3 · 10 samples saved'
    """
    scored = progress["graded"] + (progress["unscored"] if progress["graded"] else 0)
    parts = [f"right {progress['correct']} of {scored}"] if scored else []
    parts.append(usd(progress["billed_pusd"]))
    if any(progress["resolved_by_stage"]):
        parts.append("stages " + " + ".join(map(str, progress["resolved_by_stage"])))
    if progress["saved"]:
        parts.append(f"{progress['saved']} samples saved")
    parts += [f"{progress[name]} {name}" for name in ("unscored", "failed", "unfinished") if progress[name]]
    if progress["retries"]:
        parts.append(f"{progress['retries']} retries")
    return " · ".join(parts)


@contextmanager
def reporting(progress: bool | Report, title: str, total: int | None) -> Iterator[Report | None]:
    """Yields what is called with each report: a bar that is shown while the block lasts, the user's own function, or None."""
    if callable(progress):
        yield progress
        return
    if not progress or not _can_show():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    ]
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=8) as bar:
        task = bar.add_task(title, total=total, note="")

        def report(now: Progress) -> None:
            bar.update(task, completed=now["done"], note=describe(now))

        yield report


def _can_show() -> bool:
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
