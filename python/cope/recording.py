"""Recordings: every stage of a method for every problem, drawn once, from which every k, threshold and gate is read off exactly.

    recording = cope.record(cope.methods.COPE(small, large), problems, k=[1, 2, 4, 8], store="runs/recorded", budget_usd=1.0)
    recording.replay(thresholds=(0.75, 0.5))                  # a Run: what a live run at these settings would have been, decision for decision
    recording.sweep(tau1=[0.5, 0.625, 0.75], tau2=[0.25, 0.5])    # all points at once: accuracy, cost, shares of the stages

What is recorded: for each k a run of the method through all its stages, without early stopping. Samples are shared by what was asked, so that the samples
of a larger k hold those of a smaller one, and a later stage is drawn once for each distinct plan that the values of k carry on (`carry="all"`: for every
plan of the first stage, which the expectation over subsets of the samples needs). A recording is a store like any other: the same call goes on where it
stopped, and other values of k may be added.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _core, _shape
from ._estimate import Estimate, estimate_of
from ._money import usd_to_pusd
from ._progress import Report, reporting
from ._recording import ID_DIGITS, Carry, Recording, recordings_of, run_of
from .cascade import Cascade
from .errors import BudgetError, ConfigError, DataError
from .problems import Problem, ProblemStream, facts, fingerprint, load
from .running import callbacks_of, check_endpoints, folder_of, in_thread
from .spec import checked_method, compile_method, manifest
from .tables import count, usd
from .tasks import Task
from .tasks import resolve as resolve_task

if TYPE_CHECKING:
    from ._core import Progress

__all__ = ["Recording", "arecord", "by_seed", "estimate", "open_recording", "record"]


def record(
    method: Cascade,
    problems: Any,
    *,
    store: str | Path,
    k: int | Sequence[int] | None = None,
    carry: Carry = "recorded",
    task: Task | str = "math",
    seed: int = 0,
    budget_usd: Any = None,
    partial: bool = False,
    progress: bool | Report = True,
    window: int | None = None,
    check: bool = True,
) -> Recording:
    """Draws every sample that the method may need at several k, through every stage, for every problem.

    Thresholds of the method do not matter here; its gates' measures do, for they say which plan is carried on. The same call on the same store goes on where
    it stopped; another call with further values of k adds to it. What live runs left in the store is used.

    Args:
        method: A cascade, such as `cope.methods.COPE(small, large)`. All its draws of more than one sample must have the same n: that is its k.
        problems: A list of Problem, or anything that `cope.load` takes.
        store: A folder for the samples, runs and money.
        k: Values of k; ascending or not. Default: the method's own. The largest is drawn first, so that the others find their samples.
        carry: "recorded": later stages are drawn for each distinct plan that the values of k carry on. "all": for every plan of the stage that carries, at
            the largest k: K x K samples, for expectations over subsets (`sweep(estimator="subsets")`).
        task: "math", or a Task with functions of your own.
        seed: Of all randomness, the seeds sent to models included.
        budget_usd: Hard cap on what the store may spend, in USD, as of `cope.run`.
        partial: False: where the estimate is above the cap nothing is begun. True: record as far as the cap allows.
        progress: True shows a bar over all values of k; a function is called with each `Progress`.
        window: Problems in flight at once. Default: 1024.
        check: Ask each endpoint once, before anything is spent, whether it is there, takes the key and knows the model.

    Returns:
        The recording: a table when shown.

    Raises:
        ConfigError: Arguments that cannot work; draws of different sizes.
        BudgetError: An estimate above the cap; nothing was spent.
        DataError: Problems that cannot be read.
        EndpointError: An endpoint that is down, refuses the key or does not know the model.
        KeyboardInterrupt: Ctrl-C; nothing received is lost, the same call goes on.

    Source:
        Table 10 (k) and table 11 (thresholds) are read off one recording.

    Example:
        >>> recording = cope.record(cope.methods.COPE(small, large), problems, k=[1, 2, 4, 8], store="runs/recorded")  # doctest: +SKIP
    """
    plan = _Plan(method, problems, k=k, carry=carry, task=task, seed=seed, budget_usd=budget_usd, window=window)
    return plan.go(store, partial=partial, progress=progress, check=check, cancel=None)


def estimate(
    method: Cascade,
    problems: Any,
    *,
    k: int | Sequence[int] | None = None,
    carry: Carry = "recorded",
    store: str | Path | None = None,
    task: Task | str = "math",
    seed: int = 0,
) -> Estimate:
    """Estimates what `record` would take, by draw; asks nobody and spends nothing.

    Args:
        method: See `record`.
        problems: See `record`.
        k: See `record`.
        carry: See `record`.
        store: Where it would be recorded: what is there is not counted, and the mean cost of its samples gives the expected cost. Default: nowhere yet.
        task: See `record`.
        seed: See `record`.

    Returns:
        The estimate: a table when shown.

    Raises:
        ConfigError: Arguments that cannot work.
        DataError: Problems that cannot be read.

    Example:
        >>> cope.estimate(cope.methods.COPE(small, large), problems, k=[1, 2, 4, 8])  # doctest: +SKIP
    """
    plan = _Plan(method, problems, k=k, carry=carry, task=task, seed=seed, budget_usd=None, window=None)
    there = store is not None and (Path(folder_of(store)) / "cope.sqlite3").exists()
    opened = _core.Store.open(folder_of(store), mode="read") if there else None
    try:
        return plan.estimate(opened)
    finally:
        if opened is not None:
            opened.close()


async def arecord(
    method: Cascade,
    problems: Any,
    *,
    store: str | Path,
    k: int | Sequence[int] | None = None,
    carry: Carry = "recorded",
    task: Task | str = "math",
    seed: int = 0,
    budget_usd: Any = None,
    partial: bool = False,
    progress: bool | Report = True,
    window: int | None = None,
    check: bool = True,
) -> Recording:
    """`record` for a running event loop: `await cope.arecord(...)`. Cancelling the task stops it and loses nothing.

    Args:
        method: See `record`.
        problems: See `record`.
        store: See `record`.
        k: See `record`.
        carry: See `record`.
        task: See `record`.
        seed: See `record`.
        budget_usd: See `record`.
        partial: See `record`.
        progress: See `record`.
        window: See `record`.
        check: See `record`.

    Returns:
        The recording.

    Raises:
        asyncio.CancelledError: The task was cancelled; what was received is in the store.

    Example:
        >>> recording = await cope.arecord(cope.methods.COPE(small, large), problems, store="runs/recorded")  # doctest: +SKIP
    """
    cancel = _core.CancelToken()

    def work() -> Recording:
        plan = _Plan(method, problems, k=k, carry=carry, task=task, seed=seed, budget_usd=budget_usd, window=window)
        return plan.go(store, partial=partial, progress=progress, check=check, cancel=cancel)

    return await in_thread(work, cancel)


def open_recording(
    store: str | Path,
    which: str | None = None,
    *,
    seed: int | None = None,
    id: str | None = None,
    task: Task | None = None,
) -> Recording:
    """Opens a recording.

    Args:
        store: The folder.
        which: The method's name, where the store holds recordings of several.
        seed: The recording's seed, where the store holds several.
        id: The recording's `id`, or its beginning, where neither tells it apart: recordings over other problems, of other models or prompts.
        task: The Task with the functions that it was recorded with, where it had any of its own: functions are not stored.

    Returns:
        The recording, read from the store as it is asked for.

    Raises:
        StoreError: No such store, or one that cannot be read.
        ConfigError: No recording, several that fit, or a task that is not the recorded one.

    Example:
        >>> recording = cope.open_recording("runs/recorded")  # doctest: +SKIP
    """
    folder = folder_of(store)
    opened = _core.Store.open(folder, mode="read")
    try:
        recordings = recordings_of(opened)
        fitting = [
            rows
            for rows in recordings.values()
            if (which is None or rows[0].spec["cascade"]["name"] == which)
            and (seed is None or rows[0].spec["seed"] == seed)
            and (id is None or rows[0].recording.startswith(id))
        ]
        if len(fitting) == 1:
            return Recording(opened, fitting[0], task=task)
        there = ", ".join(
            f"{rows[0].spec['cascade']['name']!r} with seed={rows[0].spec['seed']} over {count(rows[0].manifest['problems']['count'])} problems "
            f"(id={rows[0].recording[:ID_DIGITS]!r})"
            for rows in recordings.values()
        )
        if not recordings:
            held = len(opened.runs())
            raise ConfigError(
                f"{store}: holds no recording{f' ({held} runs, which went through the stages that they needed only)' if held else ''}; "
                "make one with cope.record(method, problems, k=[...], store=...), which uses what is in the store"
            )
        raise ConfigError(
            f"{store}: {'several recordings fit' if fitting else 'no recording fits'}; there are {there}: say which, seed or id"
        )
    except BaseException:
        opened.close()
        raise


def by_seed(recordings: Sequence[Recording]) -> dict[int, Recording]:
    """Returns recordings of one method with different seeds, by seed, for statistics that take seeds as a second level.

        sweeps = [each.sweep(tau1=[0.5, 0.75]) for each in by_seed([first, second, third]).values()]
        cope.stats.resample(*(each.per_problem()["correct"] for each in sweeps))       # problems, and within each its seeds

    Args:
        recordings: Two or more.

    Raises:
        DataError: Recordings of different methods, models, prompts, tasks or problems, with the difference; two of one seed.
    """
    found: dict[int, Recording] = {}
    for each in recordings:
        if each.seed in found:
            raise DataError(
                f"{found[each.seed].store} and {each.store}: both are of seed {each.seed}; record with different seeds"
            )
        first = next(iter(found.values()), each)
        own, other = ({**_shape.essence(one.spec), "seed": None} for one in (first, each))
        if differing := _shape.differences(own, other):
            raise DataError(
                f"{first.store} and {each.store}: are recordings of different methods, models, prompts, tasks or problems: {'; '.join(differing[:5])}"
            )
        if [problem.id for problem in first.problems] != [problem.id for problem in each.problems]:
            raise DataError(f"{first.store} and {each.store}: hold different problems; record all of them in both")
        found[each.seed] = each
    return found


class _Plan:
    """A recording to be made, checked; nothing has been spent."""

    def __init__(
        self,
        method: Cascade,
        problems: Any,
        *,
        k: int | Sequence[int] | None,
        carry: str,
        task: Task | str,
        seed: int,
        budget_usd: Any,
        window: int | None,
    ) -> None:
        self.method = checked_method(method)
        self.compiled = compile_method(method, task=task, seed=seed, window=window)
        self.task = resolve_task(task)
        self.problems = _list(problems, self.task.name)
        self.spec = self.compiled.spec
        self.spec["task"]["problems_sha256"] = fingerprint(self.problems)
        self.budget_usd = budget_usd
        self.k = _shape.checked_k(k, self.spec["cascade"])
        self.carry = carry
        self.by_id = {problem.id: problem for problem in self.problems}
        self.manifest = manifest(self.method, self.compiled, self.task, facts(self.problems), budget_usd)
        self.runs = [run_of(self.spec, self.manifest, each, None, carry) for each in reversed(self.k)]
        if carry == "all":
            self._check_carries_once()
            self.runs = [run_of(self.spec, self.manifest, self.k[-1], sample, carry) for sample in range(self.k[-1])]
        elif carry != "recorded":
            raise ConfigError(f"carry: expected 'recorded' or 'all', got {carry!r}")
        for spec, _ in self.runs:
            _core.validate(json.dumps(spec))

    def _check_carries_once(self) -> None:
        sources = set(_shape.carried_from(self.spec["cascade"]))
        if len(sources - {()}) != 1 or any(len(each) > 1 for each in sources):
            raise ConfigError(
                f"{self.method.name}: carry='all' is for methods of which exactly one stage carries a plan to later ones; use carry='recorded'"
            )

    def estimate(self, store: _core.Store | None) -> Estimate:
        """What it will take, beside what a store has."""
        return estimate_of(self.spec, self.problems, self.k, self.carry, store)

    def _refuse_above_cap(self, store: _core.Store) -> None:
        ledger = store.ledger()
        if ledger["cap_pusd"] is None:
            return
        made = self.estimate(store)
        left = ledger["cap_pusd"] - ledger["settled_pusd"] - ledger["reserved_pusd"]
        expected = made.expected_pusd
        needed = made.most_pusd if expected is None else expected
        if needed > left:
            what = "at most" if expected is None else "at the mean cost of what is in the store"
            raise BudgetError(
                f"budget_usd: recording {self.method.name} at k = {', '.join(map(str, self.k))} over {count(len(self.problems))} problems takes {usd(needed)} "
                f"({what}), and the cap leaves {usd(max(left, 0))}; nothing was begun. Raise budget_usd, record fewer k or problems, or pass partial=True "
                "to record as far as the cap allows; cope.estimate(...) shows the draws"
            )

    def go(
        self,
        store: str | Path,
        *,
        partial: bool,
        progress: bool | Report,
        check: bool,
        cancel: _core.CancelToken | None,
    ) -> Recording:
        """Records, and returns the recording."""
        cap = _cap(self.budget_usd)
        keys = [model.resolved_key() for model in self.method.models]
        callbacks = callbacks_of(self.compiled, self.task, self.by_id.__getitem__)
        opened = _core.Store.open(folder_of(store), mode="create")
        try:
            if self.budget_usd is not None:
                opened.set_cap(cap)
            if not partial:
                self._refuse_above_cap(opened)
            if check:
                check_endpoints(self.spec["models"], keys)
            with _one_bar(progress, self.method.name, len(self.problems), len(self.runs)) as report:
                for number, (spec, described) in enumerate(self.runs):
                    if cancel is not None and cancel.cancelled:
                        break
                    _core.run(
                        json.dumps(spec),
                        keys=[key.reveal() for key in keys],
                        store=opened,
                        problems=iter([problem.to_row() for problem in self.problems]),
                        manifest=json.dumps(described, ensure_ascii=False),
                        callbacks=callbacks or None,  # type: ignore[arg-type]
                        on_progress=report(number),
                        cancel=cancel,
                    )
            mine = recordings_of(opened)[_shape.fingerprint(self.spec)]
            return Recording(opened, mine, task=self.task, compiled=self.compiled)
        except KeyboardInterrupt:
            opened.close()
            raise KeyboardInterrupt(
                f"interrupted while recording {self.method.name}; what was received is in the store {folder_of(store)}: make the same call again to go on"
            ) from None
        except BaseException:
            opened.close()
            raise


def _cap(budget_usd: Any) -> int | None:
    return None if budget_usd is None or budget_usd == float("inf") else usd_to_pusd(budget_usd, "budget_usd")


def _list(problems: Any, task: str) -> list[Problem]:
    if isinstance(problems, Iterator):
        raise DataError(
            "problems: an iterator can be gone through once, and a recording goes through its problems once a k; pass a list"
        )
    return list(problems) if isinstance(problems, ProblemStream) else load(problems, task=task)


@contextmanager
def _one_bar(progress: bool | Report, title: str, problems: int, runs: int) -> Iterator[Callable[[int], Report | None]]:
    """Yields what makes the report of each run, so that one bar goes over all of them."""
    with reporting(progress, f"{title}, recorded", problems * runs) as report:
        spent = [0] * runs

        def of(number: int) -> Report | None:
            if report is None:
                return None

            def told(now: Progress) -> None:
                spent[number] = now["billed_pusd"]
                before = number * problems
                merged = {
                    **now,
                    "done": before + now["done"],
                    "resumed": before + now["resumed"],
                    "billed_pusd": sum(spent),
                }
                report(merged)  # type: ignore[arg-type]

            return told

        yield of
