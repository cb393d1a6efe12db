"""A recording and its runs in a store; made by the functions of `cope.recording`."""

from __future__ import annotations

import copy
import json
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import _core, _recorded, _shape
from ._money import Number, exact_values
from .cascade import Cascade, Gate
from .errors import ConfigError, DataError
from .problems import Problem
from .result import Run
from .running import callbacks_of
from .spec import Compiled, compile_method, manifest, versions
from .tables import Table, count, some, usd
from .tasks import Task

if TYPE_CHECKING:
    from ._arrays import Judge, StageArrays
    from .sweeps import Sweep

Carry = Literal["recorded", "all"]
ID_DIGITS = 12


class RecordedRun:
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


def recordings_of(store: _core.Store) -> dict[str, list[RecordedRun]]:
    """The recordings of a store, each as its runs, the largest k first."""
    found: dict[str, list[RecordedRun]] = {}
    for row in store.runs():
        if '"recording"' in row["manifest"] and json.loads(row["manifest"]).get("recording"):
            run = RecordedRun(row)
            found.setdefault(run.recording, []).append(run)
    for runs in found.values():
        runs.sort(key=lambda run: (-run.k, -1 if run.fixed is None else run.fixed))
    return found


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


class Recording:
    """Recorded samples of a method: shown, it says what there is.

    Made by `cope.record`, `cope.arecord`, `cope.open_recording` and `cope.import_recording`; read from its store as it is asked for.

    Attributes:
        task: The task, with its functions.
    """

    def __init__(
        self, store: _core.Store, runs: Sequence[RecordedRun], *, task: Task | None, compiled: Compiled | None = None
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
    def id(self) -> str:
        """What tells it from other recordings in its store, whatever k and the thresholds: 12 hexadecimal digits."""
        return self._runs[0].recording[:ID_DIGITS]

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
        name: str | None = None,
    ) -> Run:
        """Runs a method on the recorded samples: asks nobody, costs nothing, and decides as a live run would.

        The same decision function as live, on the same samples: at the live settings the same stages, answers, samples drawn and costs.

        Args:
            method: Any method whose samples are recorded. Default: the recorded one.
            k: Of the default method: its number of samples. Default: its own.
            thresholds: Of the default method: one a gated stage. Default: its own.
            gate: Of the default method: another gate for all stages that have a threshold, or {stage's name: Gate}. Default: its own.
            early_stop: True or False overrides the method's own setting.
            name: How tables call the run. Default: the method's name, and with other settings than its own what differs: "COPE, k=4, tau 3/4, 1/2".

        Returns:
            The run, kept in memory's stead in a temporary store that goes with it.

        Raises:
            ConfigError: `k`, `thresholds` or `gate` given beside a method, or that cannot work; an empty name.
            DataError: Samples that are not recorded: which stages and problems, what is recorded, and how to record more.

        Example:
            >>> recording.replay(k=8, thresholds=(0.75, 0.5)).accuracy  # doctest: +SKIP
        """
        compiled, described = self._replayed(method, k, thresholds, gate)
        cascade = compiled.spec["cascade"]
        own = self.cascade if method is None else dict(cascade)
        if early_stop is not None:
            cascade["early_stop"] = early_stop
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ConfigError(f"name: expected a text that is not empty, such as 'COPE, k=4', got {name!r}")
        compiled.spec["task"]["problems_sha256"] = self._spec["task"]["problems_sha256"]
        problems = {problem.id: problem for problem in self.problems}
        callbacks = callbacks_of(compiled, self.task, problems.__getitem__)
        described = {
            **described,
            "method": name or _shape.name_beside(cascade, own),
            "cascade": cascade,
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
            self._refuse_missing(outcomes, run_id, cascade)
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
            spec["cascade"] = _shape.at_k(spec["cascade"], _shape.checked_k(k, spec["cascade"])[0])
        spec["cascade"] = _shape.with_gates(spec["cascade"], gate)
        if thresholds is not None:
            spec["cascade"] = _shape.with_thresholds(spec["cascade"], exact_values(thresholds, "thresholds"))
        compiled = self._own(spec)
        return compiled, {**self.manifest, "versions": versions(), "recording": None}

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
                f"{cascade['stages'][stage]['name']}, {name}: {some(ids)}"
                for (stage, name), ids in sorted(missing.items())
            ]
            raise DataError(
                f"{cascade['name']} at k = {_shape.size(cascade)}: samples are not recorded ({'; '.join(where)}). {self.how_to_record_more()}"
            )

    def how_to_record_more(self) -> str:
        """Returns what is recorded and how to record more, for messages."""
        ks = ", ".join(map(str, self.k))
        if all(model["stable_name"] == "imported" for model in self._spec["models"]):  # rows of others: nobody to ask
            more = "To have more: cope.import_recording(rows, ...) with more rows"
        else:
            more = (
                "To record more: cope.record(method, problems, k=[...], store=...) on the same store with the same seed; "
                "what is there is not paid for again"
            )
        return f"Recorded in {self.store}: {self.name}, seed {self.seed}, k = {ks}, carried plans: {self.carry}. {more}"

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
        from ._sweeping import make_sweep

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
            path: Ends in .parquet, .arrow, .jsonl or .jsonl.gz.

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

    @property
    def unbegun(self) -> list[str]:
        """Ids of the problems that belong to the recording and have no samples at all."""
        begun = {problem.id for problem in self.problems}
        return [identity for identity in self.manifest["problems"]["ids"] if identity not in begun]

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
            f"{cascade['stages'][stage]['name']}, {draw}: {some(sorted(ids))}: {error}"
            for (stage, draw, error), ids in sorted(found.items())
        ]
        if unbegun := self.unbegun:
            words.append(f"all stages: {some(unbegun)} of {count(total)}: not begun")
        behind = max(0, total - min((run.outcomes for run in runs), default=0)) - len(unbegun)
        if behind > 0:
            words.append(f"{count(behind)} of {count(total)} problems were not begun at every k")
        return words

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _discard(store: _core.Store, temporary: tempfile.TemporaryDirectory[str]) -> None:
    store.close()
    temporary.cleanup()
