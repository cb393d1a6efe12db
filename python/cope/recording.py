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

import copy
import json
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import _core, _recorded, _shape
from ._estimate import Estimate, estimate_of
from ._money import Number, exact, usd_to_pusd
from ._progress import Report, reporting
from .cascade import MAX_SAMPLES, Cascade, Gate
from .errors import BudgetError, ConfigError, DataError
from .problems import Problem, ProblemStream, fingerprint, load
from .result import Run
from .running import callbacks_of, check_endpoints, folder_of, in_thread
from .spec import Compiled, checked_method, compile_method, manifest, versions
from .tables import Table, count, usd
from .tasks import Task
from .tasks import resolve as resolve_task

if TYPE_CHECKING:
    from ._arrays import Judge, StageArrays
    from ._core import Progress
    from .sweeps import Sweep

__all__ = ["Recording", "arecord", "by_seed", "estimate", "open_recording", "record"]

Carry = Literal["recorded", "all"]

_SHOWN = 5


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
    store: str | Path, which: str | None = None, *, seed: int | None = None, task: Task | None = None
) -> Recording:
    """Opens a recording.

    Args:
        store: The folder.
        which: The method's name, where the store holds recordings of several.
        seed: The recording's seed, where the store holds several.
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
        ]
        if len(fitting) == 1:
            return Recording(opened, fitting[0], task=task)
        there = ", ".join(
            f"{rows[0].spec['cascade']['name']!r} with seed={rows[0].spec['seed']}" for rows in recordings.values()
        )
        if not recordings:
            held = len(opened.runs())
            raise ConfigError(
                f"{store}: holds no recording{f' ({held} runs, which went through the stages that they needed only)' if held else ''}; "
                "make one with cope.record(method, problems, k=[...], store=...), which uses what is in the store"
            )
        raise ConfigError(
            f"{store}: {'several recordings fit' if fitting else 'no recording fits'}; there are {there}: say which and seed"
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


class _RecordedRun:
    """A run of a store that belongs to a recording."""

    def __init__(self, row: _core.RunRow) -> None:
        self.id = row["id"]
        self.status = row["status"]
        self.outcomes = row["outcomes"]
        self.manifest: dict[str, Any] = json.loads(row["manifest"])
        about = self.manifest["recording"]
        self.recording: str = about["id"]
        self.k: int = about["k"]
        self.fixed: int | None = about["fixed"]
        self.spec: dict[str, Any] = about["spec"]


def recordings_of(store: _core.Store) -> dict[str, list[_RecordedRun]]:
    """The recordings of a store, each as its runs, the largest k first."""
    found: dict[str, list[_RecordedRun]] = {}
    for row in store.runs():
        if '"recording"' in row["manifest"] and json.loads(row["manifest"]).get("recording"):
            run = _RecordedRun(row)
            found.setdefault(run.recording, []).append(run)
    for runs in found.values():
        runs.sort(key=lambda run: (-run.k, -1 if run.fixed is None else run.fixed))
    return found


# --- recording ----------------------------------------------------------------------------------------------------


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
        self.k = _checked_k(k, self.spec["cascade"])
        self.carry = carry
        self.by_id = {problem.id: problem for problem in self.problems}
        facts = {
            "count": len(self.problems),
            "with_gold": sum(problem.answer is not None for problem in self.problems),
            "sha256": self.spec["task"]["problems_sha256"],
        }
        self.manifest = manifest(self.method, self.compiled, self.task, facts, budget_usd)
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


def run_of(
    spec: dict[str, Any], about: Mapping[str, Any], k: int, fixed: int | None, carry: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns spec and manifest of one run of a recording.

    Args:
        spec: Of the method, with its own k and thresholds.
        about: Its manifest.
        k: Of the run.
        fixed: The sample that is carried whatever was voted; None: the voted one.
        carry: Of the recording.
    """
    changed = copy.deepcopy(spec)
    cascade = _shape.exhaustive(_shape.at_k(spec["cascade"], k))
    named = f"{cascade['name']}, recorded at k = {k}"
    if fixed is not None:
        cascade = _shape.carrying_every(cascade, fixed)
        named += f", carrying plan {fixed + 1}"
    changed["cascade"] = cascade
    recording = {"id": _shape.fingerprint(spec), "k": k, "fixed": fixed, "carry": carry, "spec": spec}
    return changed, {**about, "method": named, "cascade": cascade, "recording": recording}


def run_recorded(
    spec: Mapping[str, Any],
    described: Mapping[str, Any],
    problems: Sequence[Problem],
    callbacks: Mapping[str, Any],
    *,
    samples: _core.Store,
    outcomes: _core.Store,
    failures: Mapping[str, tuple[str, str]],
) -> int:
    """Runs a spec on recorded samples, asking nobody, and returns the run's number in `outcomes`."""
    run_id, _ = _core.run(
        json.dumps(spec),
        keys=["" for _ in spec["models"]],
        store=outcomes,
        problems=iter([problem.to_row() for problem in problems]),
        manifest=json.dumps(described, ensure_ascii=False),
        callbacks=callbacks or None,  # type: ignore[arg-type]
        recorded=samples,
        failures=failures,
    )
    return run_id


def _cap(budget_usd: Any) -> int | None:
    return None if budget_usd is None or budget_usd == float("inf") else usd_to_pusd(budget_usd, "budget_usd")


def _list(problems: Any, task: str) -> list[Problem]:
    if isinstance(problems, Iterator):
        raise DataError(
            "problems: an iterator can be gone through once, and a recording goes through its problems once a k; pass a list"
        )
    return list(problems) if isinstance(problems, ProblemStream) else load(problems, task=task)


def _checked_k(k: Any, cascade: Mapping[str, Any]) -> list[int]:
    values = [_shape.size(cascade)] if k is None else [k] if isinstance(k, int) else list(k)
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SAMPLES:
            raise ConfigError(f"k: expected whole numbers of samples from 1 to {MAX_SAMPLES}, got {value!r}")
    if not values:
        raise ConfigError("k: expected at least one number of samples, such as k=[1, 2, 4, 8], got none")
    return sorted(set(values))


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


# --- a recording --------------------------------------------------------------------------------------------------


class Recording:
    """Recorded samples of a method: shown, it says what there is.

    Made by `cope.record`, `cope.arecord`, `cope.open_recording` and `cope.import_recording`; read from its store as it is asked for.

    Attributes:
        task: The task, with its functions.
    """

    def __init__(
        self, store: _core.Store, runs: Sequence[_RecordedRun], *, task: Task | None, compiled: Compiled | None = None
    ) -> None:
        self._store = store
        self._runs = list(runs)
        self._spec = max(self._runs, key=lambda run: run.k).spec
        self._compiled = compiled
        self.task = self._checked_task(task)
        self._samples: _recorded.Samples | None = None
        self._arrays: dict[int, StageArrays] = {}
        self._judging: Judge | None = None

    def _checked_task(self, task: Task | None) -> Task:
        entry = self._spec["task"]
        wanted = {part: digest for part, digest in entry["functions"].items() if not part.startswith("gate ")}
        if task is None and wanted:
            raise ConfigError(
                f"{self.store}: was recorded with a task of functions of your own ({', '.join(wanted)}), which no file holds: "
                "pass task=cope.Task(...) with the same functions"
            )
        given = Task(entry["title"]) if task is None else task
        if given.name != entry["title"] or given.fingerprints() != wanted:
            differs = [
                part for part in {*wanted, *given.fingerprints()} if wanted.get(part) != given.fingerprints().get(part)
            ]
            what = f"functions {', '.join(sorted(differs))}" if differs else f"name {given.name!r}"
            raise ConfigError(
                f"{self.store}: was recorded with the task {entry['title']!r}; the task given differs from it in its {what}"
            )
        return given

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def store(self) -> str:
        """The store's folder."""
        return self._store.directory

    @property
    def name(self) -> str:
        """The method's name."""
        return str(self._spec["cascade"]["name"])

    @property
    def seed(self) -> int:
        """The seed of all its randomness."""
        return int(self._spec["seed"])

    @property
    def k(self) -> list[int]:
        """The values of k, ascending. `carry="all"`: all from 1 to the largest."""
        if self.carry == "all":
            return list(range(1, max(run.k for run in self._runs) + 1))
        return sorted({run.k for run in self._runs})

    @property
    def carry(self) -> Carry:
        """For which carried plans later stages were drawn: those of the values of k, or all."""
        fixed = {(run.k, run.fixed) for run in self._runs if run.fixed is not None}
        largest = max(run.k for run in self._runs)
        return "all" if all((largest, sample) in fixed for sample in range(largest)) else "recorded"

    @property
    def spec(self) -> dict[str, Any]:
        """The recorded method with prompts, models, task and seed, as the core runs it; no keys."""
        return self._spec

    @property
    def cascade(self) -> dict[str, Any]:
        """The recorded method as manifests say it, at its largest k and with its own thresholds."""
        found: dict[str, Any] = self._spec["cascade"]
        return found

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, method, models, prices, prompts, seed, task: enough to read the recording and to repeat it."""
        return self._runs[0].manifest

    @property
    def problems(self) -> list[Problem]:
        """The problems, in the order of the set."""
        return self.samples.problems

    def __len__(self) -> int:
        return len(self.problems)

    @property
    def samples(self) -> _recorded.Samples:
        """Everything recorded, by problem, stage and carried plan."""
        if self._samples is None:
            self._samples = _recorded.read(
                self._spec["cascade"],
                ((run.k, run.fixed, _recorded.traces(self._store, run.id)) for run in self._runs),
            )
        return self._samples

    def arrays(self, stage: int) -> StageArrays:
        """Returns what was recorded of a stage as arrays: classes of answers, grades, measures, costs.

        Args:
            stage: From 0.

        Raises:
            ConfigError: No such stage.
        """
        stages = self._spec["cascade"]["stages"]
        if not 0 <= stage < len(stages):
            raise ConfigError(f"stage: {self.name} has {len(stages)} stages, from 0 to {len(stages) - 1}, got {stage}")
        from ._arrays import stage_arrays

        if stage not in self._arrays:
            for index in range(len(stages)):
                self._arrays[index] = stage_arrays(self._spec["cascade"], self.samples, index, self._judge())
        return self._arrays[stage]

    def gradable(self, problem: Problem) -> bool:
        """Whether a problem says what is right: by a gold answer, or by tests."""
        return self._judge().can_grade(problem)

    def _judge(self) -> Judge:
        if self._judging is None:
            from ._arrays import Judge

            by_id = {problem.id: problem for problem in self.problems}
            self._judging = Judge(self.task, self._spec["task"]["name"], by_id.__getitem__)
        return self._judging

    # --- replays --------------------------------------------------------------------------------------------------

    def replay(
        self,
        method: Cascade | None = None,
        *,
        k: int | None = None,
        thresholds: Sequence[Number] | None = None,
        gate: Gate | Mapping[str, Gate] | None = None,
        early_stop: bool | None = None,
    ) -> Run:
        """Runs a method on the recorded samples: asks nobody, costs nothing, and decides as a live run would.

        The same decision function as live, on the same samples: at the live settings the same stages, answers, samples drawn and costs.

        Args:
            method: Any method whose samples are recorded. Default: the recorded one.
            k: Of the default method: its number of samples. Default: its own.
            thresholds: Of the default method: one a gated stage. Default: its own.
            gate: Of the default method: another gate for all stages that have a threshold, or {stage's name: Gate}. Default: its own.
            early_stop: True or False overrides the method's own setting.

        Returns:
            The run, kept in memory's stead in a temporary store that goes with it.

        Raises:
            ConfigError: `k`, `thresholds` or `gate` given beside a method, or that cannot work.
            DataError: Samples that are not recorded: which stages and problems, what is recorded, and how to record more.

        Example:
            >>> recording.replay(k=8, thresholds=(0.75, 0.5)).accuracy  # doctest: +SKIP
        """
        compiled, described = self._replayed(method, k, thresholds, gate)
        if early_stop is not None:
            compiled.spec["cascade"]["early_stop"] = early_stop
        compiled.spec["task"]["problems_sha256"] = self._spec["task"]["problems_sha256"]
        problems = {problem.id: problem for problem in self.problems}
        callbacks = callbacks_of(compiled, self.task, problems.__getitem__)
        described = {
            **described,
            "cascade": compiled.spec["cascade"],
            "replay_of": {"recording": self._runs[0].recording, "store": self.store},
        }
        temporary = tempfile.TemporaryDirectory(prefix="cope-replay-")
        outcomes = _core.Store.open(temporary.name, mode="create", durable=False)
        try:
            run_id = run_recorded(
                compiled.spec,
                described,
                self.problems,
                callbacks,
                samples=self._store,
                outcomes=outcomes,
                failures=self.samples.failures,
            )
            self._refuse_missing(outcomes, run_id, compiled.spec["cascade"])
        except BaseException:
            outcomes.close()
            temporary.cleanup()
            raise
        replayed = Run(outcomes, run_id, samples=self._store)
        weakref.finalize(replayed, _discard, outcomes, temporary)
        return replayed

    def _replayed(
        self,
        method: Cascade | None,
        k: int | None,
        thresholds: Sequence[Number] | None,
        gate: Gate | Mapping[str, Gate] | None,
    ) -> tuple[Compiled, dict[str, Any]]:
        """The method to replay as spec and manifest."""
        if method is not None:
            if k is not None or thresholds is not None or gate is not None:
                raise ConfigError("k, thresholds, gate: build them into the method, or leave the method out")
            compiled = compile_method(method, task=self.task, seed=self.seed)
            return compiled, manifest(method, compiled, self.task, self.manifest["problems"], None)
        spec = copy.deepcopy(self._spec)
        if k is not None:
            spec["cascade"] = _shape.at_k(spec["cascade"], _checked_k(k, spec["cascade"])[0])
        spec["cascade"] = _shape.with_gates(spec["cascade"], gate)
        if thresholds is not None:
            fractions = [exact(each, "thresholds") for each in thresholds]
            spec["cascade"] = _shape.with_thresholds(spec["cascade"], fractions)
        compiled = self._own(spec)
        return compiled, {**self.manifest, "method": self.name, "versions": versions(), "recording": None}

    def _own(self, spec: dict[str, Any]) -> Compiled:
        """The recorded method's spec with its functions, where it had any."""
        functions = [draw["prompt"]["name"] for draw in spec["cascade"]["draws"] if not draw["prompt"]["messages"]]
        functions += [part for part in spec["task"]["functions"] if part.startswith("gate ")]
        if self._compiled is not None:
            return Compiled(spec, [], self._compiled.prompt_functions, self._compiled.gate_functions)
        if functions:
            raise ConfigError(
                f"{self.store}: was recorded with functions of your own ({', '.join(functions)}), which no file holds: pass the method to replay(method)"
            )
        return Compiled(spec, [], {}, {})

    def _refuse_missing(self, outcomes: _core.Store, run_id: int, cascade: Mapping[str, Any]) -> None:
        missing: dict[tuple[int, str], list[str]] = {}
        for trace in _recorded.traces(outcomes, run_id):
            if trace["status"] != "unfinished":
                continue
            for draw in trace["draws"]:
                if any(sample["error"] == "not_recorded" for sample in draw["samples"]):
                    missing.setdefault((draw["stage"], draw["name"]), []).append(trace["id"])
        if missing:
            where = [
                f"{cascade['stages'][stage]['name']}, {name}: {_some(ids)}"
                for (stage, name), ids in sorted(missing.items())
            ]
            raise DataError(
                f"{cascade['name']} at k = {_shape.size(cascade)}: samples are not recorded ({'; '.join(where)}). {self.how_to_record_more()}"
            )

    def how_to_record_more(self) -> str:
        """Returns what is recorded and how to record more, for messages."""
        ks = ", ".join(map(str, self.k))
        return (
            f"Recorded in {self.store}: {self.name}, seed {self.seed}, k = {ks}, carried plans: {self.carry}. To record more: "
            "cope.record(method, problems, k=[...], store=...) on the same store with the same seed; what is there is not paid for again"
        )

    # --- sweeps ---------------------------------------------------------------------------------------------------

    def sweep(
        self,
        k: int | Sequence[int] | None = None,
        *,
        gate: Gate | Mapping[str, Gate] | None = None,
        estimator: Literal["order", "subsets"] = "order",
        conditional: bool = False,
        incomplete: Literal["refuse", "drop"] = "refuse",
        threads: int = 0,
        **thresholds: Any,
    ) -> Sweep:
        """Evaluates all points of a grid over k and thresholds at once, natively.

        Args:
            k: Values of k. Default: those recorded.
            gate: Another measure, comparison or denominator for all gated stages, or {stage's name: Gate}; its threshold is that of the axes not given.
            estimator: "order": the first k samples in sampling order, at every point what `replay` gives. "subsets": the exact expectation over all ordered
                choices of k of the recorded samples (nothing carried, or carry="all").
            conditional: Of "subsets", where plans are carried and not all were recorded: take the plan carried in sampling order at each k as given.
            incomplete: Problems whose samples are not all there: "refuse" the sweep and name them, or "drop" them; what is shown says how many.
            threads: 0: all cores.
            **thresholds: `tau1`, `tau2`, ...: thresholds of stage 1, 2, ...: numbers or texts such as "2/3", kept exactly. Default: the method's own.

        Returns:
            The sweep: accuracy, cost and shares of the stages at every point.

        Raises:
            ConfigError: An argument that cannot work, an expectation that does not exist.
            DataError: Samples that are not recorded: which, and how to record them; problems without gold answers.

        Source:
            Tables 10 and 11.

        Example:
            >>> recording.sweep(tau1=[0.5, 0.75], tau2=[0.5])  # doctest: +SKIP
        """
        from .sweeps import make_sweep

        return make_sweep(
            self,
            k=k,
            gate=gate,
            estimator=estimator,
            conditional=conditional,
            incomplete=incomplete,
            threads=threads,
            thresholds=thresholds,
        )

    # --- elsewhere ------------------------------------------------------------------------------------------------

    def export(self, path: str | Path) -> Path:
        """Writes the recording into one file, one row a sample, which `cope.import_recording` reads; docs/recordings.md describes the columns.

        Args:
            path: Ends in .parquet, .jsonl or .jsonl.gz.

        Returns:
            The path.

        Raises:
            DataError: Another ending, or a file that is there already.
            Error: Parquet without pyarrow.

        Example:
            >>> recording.export("recorded.parquet")  # doctest: +SKIP
        """
        from ._export import export

        return export(self, self._store, Path(path).expanduser(), [(run.k, run.fixed) for run in self._runs])

    # --- shown ----------------------------------------------------------------------------------------------------

    def summary(self) -> Table:
        """Returns what is recorded as a table: of each stage its gate, how many samples of how many problems, and what is missing."""
        cascade = self._spec["cascade"]
        total = self.manifest["problems"]["count"] or len(self.problems)
        rows = []
        for index, stage in enumerate(cascade["stages"]):
            by_problem = self.samples.stages[index]
            drawn = [each for by_plan in by_problem for each in by_plan.values()]
            draws = [draw for draw in cascade["draws"] if draw["stage"] == index]
            have = sum(bool(by_plan) for by_plan in by_problem)
            plans = sum(len(by_plan) for by_plan in by_problem) / have if have else 0.0
            rows.append(
                (
                    stage["name"],
                    ", ".join(f"{draw['name']} ({self._spec['models'][draw['model']]['model']})" for draw in draws),
                    stage["gate"]["measure"],
                    f"{count(have)} of {count(total)}",
                    f"{plans:.3g}" if _shape.carried_from(cascade)[index] else "-",
                    count(sum(each.count for each in drawn)),
                )
            )
        ledger = self._store.ledger()
        caption = (
            f"{self.store}: k = {', '.join(map(str, self.k))}; seed {self.seed}; spent {usd(ledger['settled_pusd'])}."
        )
        if missing := self.missing():
            caption += f" Missing: {'; '.join(missing)}. Make the same call again to go on."
        return Table(
            f"{self.name}, recorded: {count(total)} problems",
            ("Stage", "Draws", "Gate", "Problems", "Carried plans", "Samples"),
            rows,
            caption,
        )

    def missing(self) -> list[str]:
        """Returns in words what is missing, empty where nothing is: which stages of which problems, and why."""
        total = self.manifest["problems"]["count"] or len(self.problems)
        cascade = self.cascade
        runs = [run for run in self._runs if run.fixed is not None] if self.carry == "all" else self._runs
        found: dict[tuple[int, str, str], set[str]] = {}
        begun: set[str] = set()
        for run in runs:
            if run.status == "finished" and run.outcomes >= total and not self.samples.failed:
                continue
            for trace in _recorded.traces(self._store, run.id):
                begun.add(trace["id"])
                for draw in trace["draws"]:
                    for error in {sample["error"] for sample in draw["samples"]} - set(_recorded.NO_FAULT):
                        found.setdefault((draw["stage"], draw["name"], error), set()).add(trace["id"])
        words = [
            f"{cascade['stages'][stage]['name']}, {draw}: {_some(sorted(ids))}: {error}"
            for (stage, draw, error), ids in sorted(found.items())
        ]
        unbegun = max(0, total - min((run.outcomes for run in runs), default=0))
        if unbegun:
            words.append(f"all stages: {count(unbegun)} of {count(total)} problems were not begun at every k")
        return words

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _discard(store: _core.Store, temporary: tempfile.TemporaryDirectory[str]) -> None:
    store.close()
    temporary.cleanup()


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(map(repr, ids[:_SHOWN]))
    more = f", ... {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{len(ids)} problem{'' if len(ids) == 1 else 's'} ({shown}{more})"
