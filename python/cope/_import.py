"""Recordings from files and rows: what `Recording.export` wrote, and what others recorded. docs/recordings.md describes the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _shape
from ._foreign import foreign
from ._imported import Cells, File, Made, Once, Problems, read, sources
from ._recorded import NOT_DRAWN
from ._recording import Recording
from .cascade import Cascade
from .errors import ConfigError, DataError
from .problems import facts, fingerprint
from .running import folder_of
from .spec import Compiled, compile_method
from .tasks import Task
from .tasks import resolve as resolve_task

__all__ = ["import_recording"]


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
        source: A .parquet, .arrow, .jsonl, .jsonl.gz or .csv file, a list of such files, a list of dicts, a DataFrame (whose
            missing cells are null) or an Arrow table. docs/recordings.md describes the columns.
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
    files = [read(each) for each in sources(source)]
    own = [file for file in files if file.about is not None]
    if own and len(own) < len(files):
        other = next(file for file in files if file.about is None)
        raise DataError(
            f"{other.name}: holds no description of a recording, while {own[0].name} does; import what was exported apart from other rows"
        )
    folder = folder_of(store)
    made = _exported(files, task, method) if own else foreign(files, task, name, k, seed)
    return made.into(folder)


def _exported(files: Sequence[File], task: Task | str | None, method: Cascade | None) -> Made:
    abouts = [(file.name, file.about) for file in files if file.about is not None]
    first_name, first = abouts[0]
    for name, about in abouts[1:]:
        _refuse_difference(first_name, first, name, about)
    problems, once = Problems(), Once()
    samples: dict[str, dict[str, Any]] = {}
    failures: dict[str, tuple[str, str]] = {}
    for file in files:
        for row in file.rows:
            cells = Cells(row)
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
        manifest = {**manifest, "problems": facts(listed)}
    resolved = _task_of(spec, task, first_name)
    compiled = _functions_of(spec, resolved, method, first_name)
    runs = sorted(
        {(int(k), fixed) for _, about in abouts for k, fixed in about["runs"]},
        key=lambda run: (-run[0], -1 if run[1] is None else run[1]),
    )
    return Made(spec, manifest, runs, first["carry"], listed, list(samples.values()), failures, compiled, resolved)


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
