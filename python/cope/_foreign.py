"""Recordings of others: rows of samples without prompts become a cascade, and samples under the identities that a replay looks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _core, _shape
from ._imported import Cells, File, Made, Once, Problems
from .errors import ConfigError, DataError
from .problems import Problem, facts, fingerprint
from .spec import Compiled, versions
from .tasks import Task
from .tasks import resolve as resolve_task


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


def foreign(files: Sequence[File], task: Task | str | None, name: str, k: Sequence[int] | None, seed: int) -> Made:
    problems, once = Problems(), Once()
    rows: list[_Sample] = []
    answers = False
    for file in files:
        for row in file.rows:
            cells = Cells(row)
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
        "problems": facts(listed),
        "budget_usd": None,
    }
    return Made(
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


def _sample_of(cells: Cells, problem: Problem) -> _Sample:
    if not any(cells.has(column) for column in ("text", "answer", "correct", "error")):
        raise DataError(
            f"{cells.where}: no column 'text', 'answer' or 'correct'; one of them says what the sample is (docs/recordings.md)"
        )
    stored = cells.stored()
    text = cells.maybe_text("text") or ""
    if cells.has("answer") or cells.has("correct"):
        answer = cells.maybe_text("answer")
        correct = cells.flag("correct")
        if correct is not None:
            if answer is not None:
                raise DataError(
                    f"{cells.where}: gives both 'answer' and 'correct'; leave one null, for answers are graded here"
                )
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
        plan=cells.flag("plan") or False,
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
        if max(indices) >= len(indices):
            missing = next(index for index in range(len(indices)) if index not in indices)
            raise DataError(
                f"problem {problem!r}, stage {stage}, {draw!r}: has a sample {max(indices)} and no sample {missing}; number samples from 0 without gaps, "
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
