"""Recordings from files and rows: what `Recording.export` wrote, and what others recorded. docs/recordings.md describes the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _core, _shape
from ._export import FORMAT, META_KEY
from ._recorded import NOT_DRAWN
from ._rows import Row, read_rows, rows_of
from .cascade import Cascade
from .errors import ConfigError, DataError
from .problems import Problem, fingerprint
from .recording import Recording, recordings_of, run_of, run_recorded
from .running import callbacks_of, folder_of
from .spec import Compiled, compile_method, versions
from .tasks import Task
from .tasks import resolve as resolve_task

__all__ = ["import_recording"]

_BATCH = 4096
_WHOLE = "prompt_tokens cached_prompt_tokens completion_tokens reasoning_tokens cost_pusd latency_ms created_unix_ms attempts"


def import_recording(
    source: Any,
    store: str | Path,
    *,
    task: Task | str | None = None,
    method: Cascade | None = None,
    name: str = "imported",
    k: Sequence[int] | None = None,
    seed: int = 0,
) -> Recording:
    """Reads a recording from files or rows into a store, to replay and sweep over like one made here.

    A file that `Recording.export` wrote brings everything along. Several such files are put together if they are of one method, model, prompts, task and seed
    (of other problems, or of other k). Rows of others need `problem_id`, `stage`, `draw`, `index`, and `text`, `answer` or `correct`; prompts are not needed.

    Args:
        source: A .parquet, .jsonl, .jsonl.gz or .csv file, a list of such files, a list of dicts, or a DataFrame. docs/recordings.md describes the columns.
        store: A folder for the samples; made if absent.
        task: How texts become answers. Default: the exported recording's; of other rows "text" where they hold answers or grades, else "math".
        method: Of an exported recording that used functions of your own as prompts or gates: the method with them.
        name: Of rows of others: how tables call the method.
        k: Of rows of others that carry plans: the values of k to look plans up for. Default: all samples.
        seed: Of rows of others: tells recordings of one method apart.

    Returns:
        The recording.

    Raises:
        DataError: What is wrong, in which file and row, and how to mend it: malformed or truncated files, missing columns, NaN, rows that are there twice or
            contradict each other, recordings of different methods put together (with the difference).
        ConfigError: Functions of your own that are needed and were not given.

    Example:
        >>> recording = cope.import_recording("recorded.parquet", "runs/imported")  # doctest: +SKIP
    """
    files = [_read(each) for each in _sources(source)]
    own = [file for file in files if file.about is not None]
    if own and len(own) < len(files):
        other = next(file for file in files if file.about is None)
        raise DataError(
            f"{other.name}: holds no description of a recording, while {own[0].name} does; import what was exported apart from other rows"
        )
    folder = folder_of(store)
    made = _exported(files, task, method) if own else _foreign(files, task, name, k, seed)
    return made.into(folder)


# --- reading ------------------------------------------------------------------------------------------------------


@dataclass
class _File:
    """Rows of one source, and the description that an export brings along."""

    name: str
    about: dict[str, Any] | None
    rows: list[Row]


def _sources(source: Any) -> list[Any]:
    if isinstance(source, (list, tuple)) and source and all(isinstance(each, (str, Path)) for each in source):
        return list(source)
    return [source]


def _read(source: Any) -> _File:
    if not isinstance(source, (str, Path)):
        rows = [
            Row(index, f"row {index}", values) if isinstance(values, Mapping) else _no_row(index, values)
            for index, values in enumerate(rows_of(source))
        ]
        return _File("the rows", None, _nonempty(rows, "the rows"))
    path = Path(source).expanduser()
    rows = list(read_rows(path))
    about: Any = None
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet

        described = (pyarrow.parquet.read_schema(path).metadata or {}).get(META_KEY.encode())
        about = None if described is None else json.loads(described)
    elif rows and set(rows[0].values) == {META_KEY}:
        about = rows.pop(0).values[META_KEY]
    if about is not None and (not isinstance(about, dict) or about.get("format") != FORMAT):
        found = about.get("format") if isinstance(about, dict) else about
        raise DataError(
            f"{path}: is a recording of format {found!r}, and this version reads format {FORMAT}; export it anew"
        )
    return _File(str(path), about, _nonempty(rows, str(path)))


def _no_row(index: int, values: Any) -> Row:
    raise DataError(f"row {index}: expected a mapping of columns, got {type(values).__name__} {str(values)[:80]!r}")


def _nonempty(rows: list[Row], name: str) -> list[Row]:
    if not rows:
        raise DataError(f"{name}: holds no samples; a recording needs at least one row")
    return rows


class _Cells:
    """The columns of one row, checked."""

    def __init__(self, row: Row) -> None:
        self.where = row.where
        self._values = row.values

    def _missing(self, name: str, column: str) -> DataError:
        there = ", ".join(map(repr, self._values))
        return DataError(f"{self.where}: no column {column!r}; there are {there} ({name})")

    def has(self, name: str) -> bool:
        """Whether the column is there, be it null."""
        return name in self._values

    def raw(self, name: str) -> Any:
        """The value; None where the column is absent, or null."""
        value: Any = self._values.get(name)
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = value.item()
        return value

    def required(self, name: str) -> Any:
        """The value of a column that must be there."""
        if name not in self._values:
            raise self._missing("docs/recordings.md describes the columns", name)
        value = self.raw(name)
        if value is None:
            raise DataError(f"{self.where}: column {name!r} is null; every sample needs it")
        return value

    def whole(self, name: str, value: Any) -> int:
        """A whole number of at least 0."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(value).is_integer():
            raise DataError(f"{self.where}: column {name!r}: expected a whole number, got {_shown(value)}")
        if value < 0:
            raise DataError(f"{self.where}: column {name!r}: expected at least 0, got {value}")
        return int(value)

    def text(self, name: str, value: Any) -> str:
        """A text, or a number as text."""
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise DataError(f"{self.where}: column {name!r} is {_shown(value)}; write null where there is nothing")
            return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
        raise DataError(f"{self.where}: column {name!r}: expected a text or a number, got {_shown(value)}")

    def maybe_text(self, name: str) -> str | None:
        """A text or a number as text, or None."""
        value = self.raw(name)
        return None if value is None else self.text(name, value)

    def carried(self) -> list[int]:
        """The samples that the prompt's carried plans are."""
        value = self.raw("carried")
        if hasattr(value, "tolist"):
            value = value.tolist()
        if value is None:
            return []
        listed = value if isinstance(value, (list, tuple)) else [value]
        return [self.whole("carried", each) for each in listed]

    def stored(self) -> dict[str, Any]:
        """What the store keeps of a sample beside text and identity, as far as the row says it."""
        found: dict[str, Any] = {}
        for column in _WHOLE.split():
            if (value := self.raw(column)) is not None:
                found[column] = self.whole(column, value)
        for column in ("reasoning", "finish_reason"):
            if (value := self.raw(column)) is not None:
                found[column] = self.text(column, value)
        for column in ("usage_known", "usage_estimated"):
            if (value := self.raw(column)) is not None:
                found[column] = bool(value)
        if (value := self.raw("mean_logprob")) is not None:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
                raise DataError(f"{self.where}: column 'mean_logprob': expected a number, got {_shown(value)}")
            found["mean_logprob"] = float(value)
        return found


def _shown(value: Any) -> str:
    return "NaN" if isinstance(value, float) and value != value else repr(value)[:80]


class _Problems:
    """Problems in the order of the rows; refuses rows that contradict each other."""

    def __init__(self) -> None:
        self.by_id: dict[str, Problem] = {}
        self._where: dict[str, str] = {}

    def add(self, cells: _Cells) -> Problem:
        identity = cells.text("problem_id", cells.required("problem_id"))
        question = cells.maybe_text("question")
        gold = cells.maybe_text("gold")
        known = self.by_id.get(identity)
        if known is None:
            meta = cells.raw("meta")
            try:
                parsed = json.loads(meta) if isinstance(meta, str) else meta or {}
                known = Problem(identity, question or f"Problem {identity}", gold, parsed)
            except (DataError, ValueError) as error:
                raise DataError(f"{cells.where}: {error}") from None
            self.by_id[identity], self._where[identity] = known, cells.where
            return known
        for column, value, first in (("question", question, known.question), ("gold", gold, known.answer)):
            if value is not None and value != first:
                raise DataError(
                    f"{cells.where}: problem {identity!r} has the {column} {value!r:.80}, but {first!r:.80} in {self._where[identity]}; ids must be unique"
                )
        return known


class _Once:
    """Refuses the second row of the same sample."""

    def __init__(self) -> None:
        self._seen: dict[Any, str] = {}

    def check(self, place: Any, words: str, where: str) -> None:
        if place in self._seen:
            raise DataError(
                f"{where}: {words} is there already, in {self._seen[place]}; every sample stands in one row"
            )
        self._seen[place] = where


# --- writing ------------------------------------------------------------------------------------------------------


@dataclass
class _Made:
    """A recording that was read, checked and not yet written."""

    spec: dict[str, Any]
    manifest: dict[str, Any]
    runs: list[tuple[int, int | None]]
    carry: str
    problems: list[Problem]
    samples: list[dict[str, Any]]
    failures: dict[str, tuple[str, str]]
    compiled: Compiled
    task: Task

    def into(self, folder: str) -> Recording:
        """Writes it into a store."""
        runs = [run_of(self.spec, self.manifest, k, fixed, self.carry) for k, fixed in self.runs]
        for spec, _ in runs:
            _core.validate(json.dumps(spec))
        store = _core.Store.open(folder, mode="create")
        try:
            for start in range(0, len(self.samples), _BATCH):
                self._refuse_others(store, self.samples[start : start + _BATCH])
            for start in range(0, len(self.samples), _BATCH):
                store.put_samples(self.samples[start : start + _BATCH])
            by_id = {problem.id: problem for problem in self.problems}
            callbacks = callbacks_of(self.compiled, self.task, by_id.__getitem__)
            for spec, described in runs:
                run_recorded(
                    spec, described, self.problems, callbacks, samples=store, outcomes=store, failures=self.failures
                )
            mine = recordings_of(store)[_shape.fingerprint(self.spec)]
            return Recording(store, mine, task=self.task, compiled=self.compiled)
        except BaseException:
            store.close()
            raise

    def _refuse_others(self, store: _core.Store, samples: list[dict[str, Any]]) -> None:
        known = store.samples([sample["identity"] for sample in samples])
        for sample, there in zip(samples, known, strict=True):
            if there is not None and there["text"] != sample["text"]:
                raise DataError(
                    f"{store.directory}: holds another text of the sample {sample['identity'][:16]}... than what is imported; import into a store of its own"
                )


# --- what was exported here ---------------------------------------------------------------------------------------


def _exported(files: Sequence[_File], task: Task | str | None, method: Cascade | None) -> _Made:
    abouts = [(file.name, file.about) for file in files if file.about is not None]
    first_name, first = abouts[0]
    for name, about in abouts[1:]:
        _refuse_difference(first_name, first, name, about)
    problems, once = _Problems(), _Once()
    samples: dict[str, dict[str, Any]] = {}
    failures: dict[str, tuple[str, str]] = {}
    for file in files:
        for row in file.rows:
            cells = _Cells(row)
            problem = problems.add(cells)
            place = (file.name, problem.id, *(cells.required(column) for column in ("stage", "draw", "index")))
            once.check(
                (*place, tuple(cells.carried())),
                f"sample {place[-1]} of {place[-2]!r}, problem {problem.id!r}",
                row.where,
            )
            identity = cells.text("identity", cells.required("identity"))
            if error := cells.maybe_text("error"):
                if error not in NOT_DRAWN:
                    failures[identity] = (error, cells.maybe_text("error_message") or "")
                continue
            sample = {"identity": identity, "text": cells.text("text", cells.required("text")), **cells.stored()}
            known = samples.setdefault(identity, sample)
            if known["text"] != sample["text"]:
                raise DataError(
                    f"{row.where}: another text of the same sample stands in an earlier file: the files are not of one recording"
                )
    for identity in samples:
        failures.pop(identity, None)
    spec = first["spec"]
    manifest = first["manifest"]
    listed = list(problems.by_id.values())
    if len(abouts) > 1:
        spec["task"]["problems_sha256"] = fingerprint(listed)
        facts = {
            "count": len(listed),
            "with_gold": sum(problem.answer is not None for problem in listed),
            "sha256": spec["task"]["problems_sha256"],
        }
        manifest = {**manifest, "problems": facts}
    resolved = _task_of(spec, task, first_name)
    compiled = _functions_of(spec, resolved, method, first_name)
    runs = sorted(
        {(int(k), fixed) for _, about in abouts for k, fixed in about["runs"]},
        key=lambda run: (-run[0], -1 if run[1] is None else run[1]),
    )
    return _Made(spec, manifest, runs, first["carry"], listed, list(samples.values()), failures, compiled, resolved)


def _refuse_difference(first_name: str, first: Mapping[str, Any], name: str, other: Mapping[str, Any]) -> None:
    def of(about: Mapping[str, Any]) -> dict[str, Any]:
        found = _shape.essence(about["spec"])
        return {**found, "task": {**found["task"], "problems_sha256": None}}

    if differing := _shape.differences(of(first), of(other)):
        shown = "; ".join(differing[:5]) + (f"; and {len(differing) - 5} more" if len(differing) > 5 else "")
        raise DataError(
            f"{first_name} and {name}: are recordings of different methods, models, prompts, tasks or seeds, and cannot be put together: {shown}"
        )


def _task_of(spec: Mapping[str, Any], task: Task | str | None, name: str) -> Task:
    entry = spec["task"]
    if task is not None:
        return resolve_task(task)  # checked against the recording's when it is opened
    if any(not part.startswith("gate ") for part in entry["functions"]):
        raise ConfigError(
            f"{name}: was recorded with a task of functions of your own, which no file holds: pass task=cope.Task(...) with the same functions"
        )
    return Task(entry["title"])


def _functions_of(spec: dict[str, Any], task: Task, method: Cascade | None, name: str) -> Compiled:
    """The recorded method with its prompt and gate functions."""
    own = any(not draw["prompt"]["messages"] for draw in spec["cascade"]["draws"])
    own = own or any(part.startswith("gate ") for part in spec["task"]["functions"])
    if not own:
        return Compiled(spec, [], {}, {})
    if method is None:
        raise ConfigError(
            f"{name}: was recorded with prompts or gates that are functions of your own, which no file holds: pass method= with them"
        )
    compiled = compile_method(method, task=task, seed=spec["seed"])
    compiled.spec["task"]["problems_sha256"] = spec["task"]["problems_sha256"]
    if differing := _shape.differences(_shape.essence(spec), _shape.essence(compiled.spec)):
        raise DataError(f"{name}: the method given is not the recorded one: {'; '.join(differing[:5])}")
    return Compiled(spec, [], compiled.prompt_functions, compiled.gate_functions)


# --- what others recorded -----------------------------------------------------------------------------------------


@dataclass
class _Sample:
    """A row of others: where it belongs, and what it says."""

    where: str
    problem: Problem
    stage: int
    draw: str
    plan: bool
    index: int
    carried: int | None
    model: str
    text: str
    error: str | None
    error_message: str
    stored: dict[str, Any]


def _foreign(files: Sequence[_File], task: Task | str | None, name: str, k: Sequence[int] | None, seed: int) -> _Made:
    problems, once = _Problems(), _Once()
    rows: list[_Sample] = []
    answers = False
    for file in files:
        for row in file.rows:
            cells = _Cells(row)
            answers = answers or cells.has("answer") or cells.has("correct")
            rows.append(_sample_of(cells, problems.add(cells)))
    for each in rows:
        place = (each.problem.id, each.stage, each.draw, each.carried, each.index)
        once.check(
            place,
            f"sample {each.index} of {each.draw!r} in stage {each.stage}, problem {each.problem.id!r},",
            each.where,
        )
    resolved = resolve_task(task) if task is not None else Task("text" if answers else "math")
    cascade, models = _cascade_of(rows, name)
    listed = list(problems.by_id.values())
    spec: dict[str, Any] = {
        "cascade": cascade,
        "models": models,
        "task": {
            "name": resolved.name if resolved.native else "text",
            "title": resolved.name,
            "functions": resolved.fingerprints(),
            "problems_sha256": fingerprint(listed),
        },
        "seed": seed,
        "window": 1024,
    }
    _refuse_gaps(rows)
    size = _shape.size(cascade)
    ks = sorted({size} if k is None else set(k), reverse=True)
    if ks[0] > size or ks[-1] < 1:
        raise ConfigError(f"k: expected values from 1 to {size}, the samples in the rows, got {ks}")
    samples, failures = _identified(rows, spec)
    facts = {
        "count": len(listed),
        "with_gold": sum(problem.answer is not None for problem in listed),
        "sha256": spec["task"]["problems_sha256"],
    }
    manifest = {
        "manifest_version": 1,
        "method": name,
        "description": f"{name}: imported from {', '.join(file.name for file in files)}",
        "versions": versions(),
        "cascade": cascade,
        "models": models,
        "prompts": [],
        "task": {"name": resolved.name, "functions": resolved.fingerprints()},
        "seed": seed,
        "problems": facts,
        "budget_usd": None,
    }
    return _Made(
        spec,
        manifest,
        [(each, None) for each in ks],
        "recorded",
        listed,
        samples,
        failures,
        Compiled(spec, [], {}, {}),
        resolved,
    )


def _sample_of(cells: _Cells, problem: Problem) -> _Sample:
    if not any(cells.has(column) for column in ("text", "answer", "correct", "error")):
        raise DataError(
            f"{cells.where}: no column 'text', 'answer' or 'correct'; one of them says what the sample is (docs/recordings.md)"
        )
    stored = cells.stored()
    text = cells.maybe_text("text") or ""
    if cells.has("answer") or cells.has("correct"):
        answer = cells.maybe_text("answer")
        correct = cells.raw("correct")
        if not cells.has("answer") and correct is not None:
            if problem.answer is None:
                raise DataError(f"{cells.where}: column 'correct' without 'answer' needs the problem's 'gold'")
            answer = problem.answer if correct else f"not {problem.answer}"
        if text:
            stored["reasoning"] = text  # the answer takes its place, for it is what votes
        text = answer or ""
    carried = cells.carried()
    if len(carried) > 1:
        raise DataError(f"{cells.where}: column 'carried': expected the index of one carried sample, got {carried}")
    return _Sample(
        where=cells.where,
        problem=problem,
        stage=cells.whole("stage", cells.required("stage")),
        draw=cells.text("draw", cells.required("draw")),
        plan=bool(cells.raw("plan")),
        index=cells.whole("index", cells.required("index")),
        carried=carried[0] if carried else None,
        model=cells.maybe_text("model") or "unknown",
        text=text,
        error=cells.maybe_text("error") or None,
        error_message=cells.maybe_text("error_message") or "",
        stored=stored,
    )


def _cascade_of(rows: Sequence[_Sample], name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The cascade that the rows are samples of: draws in order of appearance; the last draw of solutions of each stage votes."""
    shapes: dict[tuple[int, str], dict[str, Any]] = {}
    models: list[str] = []
    for row in rows:
        if row.model not in models:
            models.append(row.model)
        shape = shapes.setdefault(
            (row.stage, row.draw), {"n": 0, "plan": row.plan, "model": row.model, "carried": False}
        )
        shape["n"] = max(shape["n"], row.index + 1)
        shape["carried"] = shape["carried"] or row.carried is not None
        if (shape["plan"], shape["model"]) != (row.plan, row.model):
            raise DataError(
                f"{row.where}: draw {row.draw!r} of stage {row.stage} is of model {row.model!r}{' (plans)' if row.plan else ''} here and of "
                f"{shape['model']!r}{' (plans)' if shape['plan'] else ''} before: recordings of different models cannot be one draw"
            )
    stages = sorted({stage for stage, _ in shapes})
    if stages != list(range(len(stages))):
        raise DataError(f"column 'stage': expected 0, 1, ... without gaps, got {stages}")
    ordered = sorted(shapes, key=lambda place: place[0])  # stable: order of appearance within a stage
    draws: list[dict[str, Any]] = []
    for stage, draw in ordered:
        shape = shapes[stage, draw]
        given = [
            {"field": f"plan_{index}", "draw": index, "pick": "each"}
            for index, each in enumerate(draws)
            if each["stage"] == stage and each["plan"] and not shape["plan"] and each["n"] in (1, shape["n"])
        ]
        if shape["carried"]:
            given.append({"field": "carried", "draw": _carried_draw(draws, stage, draw), "pick": "carried"})
        fields = "".join(f"\n{{{each['field']}}}" for each in given)
        message = {"role": "user", "content": f"{{question}}{fields}"}
        draws.append(
            {
                "name": draw,
                "stage": stage,
                "n": shape["n"],
                "plan": shape["plan"],
                "given": given,
                "model": models.index(shape["model"]),
                "sampling": {"temperature": 1.0, "max_tokens": 1},
                "prompt": {"name": "imported", "messages": [message]},
            }
        )
    entries = []
    for stage in stages:
        voting = [index for index, draw in enumerate(draws) if draw["stage"] == stage and not draw["plan"]]
        if not voting:
            raise DataError(f"stage {stage}: all its rows are plans; a stage needs samples that answer")
        last = stage == stages[-1]
        gate = {
            "measure": "always" if last else "consensus",
            "draw": voting[-1],
            "comparison": ">",
            "threshold": [0, 1] if last else [1, 2],
            "denominator": "k",
        }
        entries.append({"name": f"stage {stage + 1}", "gate": gate})
    free = dict.fromkeys(("input_pusd", "cached_input_pusd", "output_pusd", "reasoning_pusd"), 0)
    listed = [
        {
            "model": model,
            "base_url": "http://imported.invalid/v1",
            "stable_name": "imported",
            "extra_body": {},
            "price": free,
            "parameters": 0,
        }
        for model in models
    ]
    return {"name": name, "early_stop": True, "stages": entries, "draws": draws}, listed


def _carried_draw(draws: Sequence[Mapping[str, Any]], stage: int, name: str) -> int:
    """The draw whose sample a stage carries on: an earlier stage's plans, else its solutions."""
    for wanted in (True, False):
        found = [
            index
            for index, draw in enumerate(draws)
            if draw["stage"] < stage and draw["n"] > 1 and draw["plan"] is wanted
        ]
        if found:
            return found[-1]
    raise DataError(
        f"column 'carried': stage {stage}, {name!r} is given a carried sample, but no earlier stage has several to carry one of"
    )


def _refuse_gaps(rows: Sequence[_Sample]) -> None:
    groups: dict[tuple[str, int, str, int | None], set[int]] = {}
    for row in rows:
        groups.setdefault((row.problem.id, row.stage, row.draw, row.carried), set()).add(row.index)
    for (problem, stage, draw, _), indices in groups.items():
        if missing := set(range(max(indices))) - indices:
            raise DataError(
                f"problem {problem!r}, stage {stage}, {draw!r}: has a sample {max(indices)} and no sample {min(missing)}; number samples from 0 without gaps, "
                "and write a row with a null answer for a sample that gave none"
            )


def _identified(
    rows: Sequence[_Sample], spec: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]:
    """The samples under the identities that a replay looks for."""
    draws = spec["cascade"]["draws"]
    place = {(draw["stage"], draw["name"]): index for index, draw in enumerate(draws)}
    texts = {(row.problem.id, place[row.stage, row.draw], row.index): row for row in rows if row.carried is None}
    asked = []
    for row in rows:
        number = place[row.stage, row.draw]
        given: dict[str, str] = {}
        for each in draws[number]["given"]:
            source = draws[each["draw"]]
            index = (row.carried or 0) if each["pick"] == "carried" else row.index if source["n"] > 1 else 0
            plan = texts.get((row.problem.id, each["draw"], index))
            if plan is None or not plan.text.strip():
                raise DataError(
                    f"{row.where}: the plan that its prompt shows, sample {index} of {source['name']!r} in stage {source['stage']}, is not in the rows"
                )
            given[each["field"]] = plan.text
        asked.append((row.problem.id, row.problem.question, number, row.index, given))
    samples: dict[str, dict[str, Any]] = {}
    failures: dict[str, tuple[str, str]] = {}
    for row, identity in zip(rows, _core.sample_identities(json.dumps(spec), asked), strict=True):
        if row.error is not None:
            failures[identity] = (row.error, row.error_message)
            continue
        sample = {"identity": identity, "text": row.text, **row.stored}
        if samples.setdefault(identity, sample)["text"] != row.text:
            raise DataError(
                f"{row.where}: another row gives another text to the same question, plan and index: two plans of problem {row.problem.id!r} are the same "
                "text, so samples given them must be the same"
            )
    return list(samples.values()), failures
