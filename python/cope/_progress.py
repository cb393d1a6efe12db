"""The progress bar of a run, in a terminal or a notebook."""

from __future__ import annotations

import html
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .tables import seconds, usd, visible

if TYPE_CHECKING:
    from ._core import Progress as Now

Report = Callable[["Now"], None]


def describe(progress: Now) -> str:
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
    elif progress and _in_notebook():
        yield _notebook_bar(title, total)
    elif progress and sys.stderr is not None and sys.stderr.isatty():
        with _terminal_bar(title, total) as report:
            yield report
    else:
        yield None


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def _notebook_bar(title: str, total: int | None) -> Report:
    """A bar as plain HTML: rich's own needs a package that notebooks may lack."""
    notebook: Any = importlib.import_module("IPython.display")  # no dependency: it is there in a notebook

    def page(done: int, note: str) -> Any:
        length = "" if total is None else f' value="{done}" max="{total}"'
        counted = f"{done}" if total is None else f"{done} of {total}"
        return notebook.HTML(
            f"<div>{html.escape(visible(title))} <progress{length}></progress> {counted}<br>{html.escape(note)}</div>"
        )

    shown = notebook.display(page(0, ""), display_id=True)

    def report(now: Now) -> None:
        left = ""
        if total is not None and 0 < now["resumed"] + 1 <= now["done"] < total:
            fresh = now["done"] - now["resumed"]
            left = f" · {seconds(now['elapsed_ms'] * (total - now['done']) // fresh)} left"
        shown.update(page(now["done"], describe(now) + left))

    return report


@contextmanager
def _terminal_bar(title: str, total: int | None) -> Iterator[Report]:
    from rich.console import Console, RenderableType
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Bar(Progress):
        """A bar with the figures on a line of their own: a narrow terminal would squeeze the bar away."""

        note = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            yield Text(f"  {self.note}", style="dim", overflow="ellipsis", no_wrap=True)

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=8) as bar:
        task = bar.add_task(title, total=total)

        def report(now: Now) -> None:
            bar.note = describe(now)
            bar.update(task, completed=now["done"])

        yield report
