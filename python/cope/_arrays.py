"""Recorded samples as arrays: classes and grades of answers, measures, costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._recorded import Plan, Samples
from .errors import ConfigError, DataError
from .problems import Problem, can_grade
from .tasks import Task


@dataclass(frozen=True, slots=True)
class StageArrays:
    """What was recorded of one stage, as arrays over P problems, V carried plans and N samples.

    Attributes:
        name: The stage's name.
        classes: int32 [P, V, N]: the class of each sample's answer within its problem, -1: unscored or not recorded.
        correct: uint8 [P, V, N]: 1 where that answer is right.
        measure: float64 [P, V, N] of gates on perplexity, score or tests passed, else None.
        other: int32 [P, V, N]: classes of the second draw of a gate on agreement, else None.
        cost_pusd: int64 [P, V, N], 10^-12 USD: of sample i and of what is drawn beside it, its own plan. None where some reply had no usage.
        once_pusd: int64 [P, V], 10^-12 USD: of what the stage draws once, whatever k. None likewise.
        recorded: int32 [P, V]: how many samples there are.
        plans: For each problem the carried plans, in the order of the variants: of each the samples that were carried.
        uses_k: Whether the stage draws k samples, or always one.
    """

    name: str
    classes: NDArray[np.int32]
    correct: NDArray[np.uint8]
    measure: NDArray[np.float64] | None
    other: NDArray[np.int32] | None
    cost_pusd: NDArray[np.int64] | None
    once_pusd: NDArray[np.int64] | None
    recorded: NDArray[np.int32]
    plans: tuple[tuple[Plan, ...], ...]
    uses_k: bool


class Judge:
    """Classes and grades of answers, asked of the task in batches and remembered.

    Args:
        task: With the functions that the recording was made with.
        kind: The native kind of the answers.
        problems: By id, for functions that take the problem.
    """

    def __init__(self, task: Task, kind: str, find: Callable[[str], Problem]) -> None:
        self._task = task
        self._kind = kind
        self._find = find
        self._calls = task.callbacks(find)
        self._keys: dict[str, str] = {}
        self._grades: dict[tuple[str, str, str], bool] = {}

    def learn(self, answers: Iterable[str]) -> None:
        """Finds the vote keys of answers."""
        new = list(dict.fromkeys(answer for answer in answers if answer not in self._keys))
        if "key" in self._calls:
            self._keys.update((answer, self._calls["key"](answer)) for answer in new)
        elif self._kind in ("text", "code"):
            self._keys.update((answer, answer) for answer in new)
        else:
            keys = _core.vote_keys(new, self._kind)
            self._keys.update((answer, key or "") for answer, key in zip(new, keys, strict=True))

    def key(self, answer: str) -> str:
        """Returns the vote key of an answer that was learnt."""
        return self._keys[answer]

    def grade(self, rows: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], bool]:
        """Grades answers.

        Args:
            rows: (gold, answer, problem's id).
        """
        new = list(dict.fromkeys(row for row in rows if row not in self._grades))
        if self._kind == "code" and "grade" not in self._calls:
            self._grades.update(zip(new, self._run_tests(new), strict=True))
        elif "grade" in self._calls:
            self._grades.update((row, self._calls["grade"](*row)) for row in new)
        elif "key" in self._calls:
            key = self._calls["key"]
            self._grades.update((row, key(row[0]) == key(row[1])) for row in new)
        elif self._kind == "text":
            self._grades.update((row, row[0].strip(" \t\r\n") == row[1]) for row in new)
        else:
            verdicts = _core.grade_all([row[0] for row in new], [row[1] for row in new], self._kind)
            self._grades.update((row, verdict[0]) for row, verdict in zip(new, verdicts, strict=True))
        return self._grades

    def _run_tests(self, rows: Sequence[tuple[str, str, str]]) -> list[bool]:
        """Runs programs against the tests that score them, as the engine scores a final answer."""
        from .sandbox import Program, Sandbox

        settings = self._task.programs
        programs = []
        for _, source, identity in rows:
            meta = self._find(identity).meta
            hidden = meta.get("hidden_tests") or []
            programs.append(
                Program(
                    source,
                    tests=hidden or meta.get("visible_tests") or [],
                    setup_before=meta.get("setup") or "",
                    setup_after=meta.get("setup_after") or "",
                    entry_point=meta.get("entry_point") if meta.get("checks") and hidden else None,
                    limits=settings.limits,
                )
            )
        interpreter = None if settings.interpreter is None else str(settings.interpreter)
        with Sandbox(interpreter=interpreter, workers=settings.workers, isolation=settings.isolation) as sandbox:
            return [report.passed for report in sandbox.run_all(programs)]


def stage_arrays(cascade: Mapping[str, Any], samples: Samples, stage: int, judge: Judge) -> StageArrays:
    """Lays the samples of one stage out as arrays."""
    gate = cascade["stages"][stage]["gate"]
    shapes = [draw for draw in cascade["draws"] if draw["stage"] == stage]
    name = cascade["stages"][stage]["name"]
    uses_k = cascade["draws"][gate["draw"]]["n"] > 1
    if not uses_k and any(shape["n"] > 1 for shape in shapes):
        raise ConfigError(
            f"{cascade['name']}, {name}: its gate looks at one sample while other draws have k; such a stage can be replayed, not swept"
        )
    problems = samples.problems
    plans = [tuple(sorted(by_plan)) for by_plan in samples.stages[stage]]
    variants = max((len(each) for each in plans), default=0) or 1
    longest = max((drawn.count for by_plan in samples.stages[stage] for drawn in by_plan.values()), default=0)
    shape = (len(problems), variants, longest)
    measured = gate["measure"] in ("passed", "perplexity", "score")
    measure = np.zeros(shape) if measured else None
    answers: dict[tuple[int, int, int], str] = {}
    others: dict[tuple[int, int, int], str] = {}
    recorded = np.zeros(shape[:2], np.int32)
    cost: NDArray[np.int64] | None = np.zeros(shape, np.int64)
    once: NDArray[np.int64] | None = np.zeros(shape[:2], np.int64)
    second = None
    if gate["measure"] == "agreement":
        second = [i for i, draw in enumerate(cascade["draws"]) if draw["stage"] == stage].index(gate["other_draw"])
    for p, by_plan in enumerate(samples.stages[stage]):
        for v, plan in enumerate(plans[p]):
            drawn = by_plan[plan]
            recorded[p, v] = drawn.count
            for i, sample in enumerate(drawn.draws[drawn.gate]):
                if sample["scored"] and sample["answer"] is not None:
                    answers[p, v, i] = sample["answer"]
                    if measure is not None:
                        measure[p, v, i] = sample["measure"]
            if second is not None:
                others.update(
                    ((p, v, i), sample["answer"])
                    for i, sample in enumerate(drawn.draws[second][:longest])
                    if sample["scored"] and sample["answer"] is not None
                )
            for drawn_shape, each in zip(shapes, drawn.draws, strict=True):
                for i, sample in enumerate(each[:longest]):
                    if sample["error"] != "none":
                        continue
                    if sample["cost_pusd"] is None:
                        cost = once = None
                    elif cost is not None and once is not None and uses_k and drawn_shape["n"] > 1:
                        cost[p, v, i] += sample["cost_pusd"]
                    elif once is not None:
                        once[p, v] += sample["cost_pusd"]
    judge.learn(answers.values())
    judge.learn(others.values())
    labels: list[dict[str, int]] = [{} for _ in problems]
    classes = _classes(shape, answers, labels, judge)
    golds = {
        place: (problems[place[0]].answer or "", answer, problems[place[0]].id)
        for place, answer in answers.items()
        if can_grade(problems[place[0]].answer, problems[place[0]].meta)
    }
    grades = judge.grade(list(golds.values()))
    correct = np.zeros(shape, np.uint8)
    for place, row in golds.items():
        correct[place] = grades[row]
    return StageArrays(
        name=name,
        classes=classes,
        correct=correct,
        measure=measure,
        other=_classes(shape, others, labels, judge) if second is not None else None,
        cost_pusd=cost,
        once_pusd=once,
        recorded=recorded,
        plans=tuple(plans),
        uses_k=uses_k,
    )


def _classes(
    shape: tuple[int, int, int],
    answers: Mapping[tuple[int, int, int], str],
    labels: Sequence[dict[str, int]],
    judge: Judge,
) -> NDArray[np.int32]:
    classes = np.full(shape, -1, np.int32)
    for place, answer in answers.items():
        known = labels[place[0]]
        classes[place] = known.setdefault(judge.key(answer), len(known))
    return classes


def representatives(
    classes: NDArray[np.int32], measure: NDArray[np.float64] | None, which: str, k: int
) -> NDArray[np.int64]:
    """Returns the sample that a stage carries: of each problem, given its first k samples in order; what decide() does (cpp/cope/cascade/decide.h).

    Args:
        classes: int32 [P, N], N at least k.
        measure: float64 [P, N], of gates on perplexity, score or tests passed.
        which: The gate's measure.
        k: How many samples.

    Returns:
        int64 [P]: a sample's index; 0 where nothing is scored.
    """
    classes = classes[:, :k]
    scored = classes >= 0
    if which in ("perplexity", "score", "passed"):
        if measure is None:
            raise DataError(f"a gate on {which} needs the measure that was recorded")
        values = measure[:, :k]
        worst = np.inf if which == "perplexity" else -np.inf
        compared = np.where(scored, values, worst)
        best: NDArray[np.int64] = compared.argmin(axis=1) if which == "perplexity" else compared.argmax(axis=1)
        # Where even the best is infinitely bad, the first that is scored.
        best = np.where(np.take_along_axis(compared, best[:, None], axis=1)[:, 0] == worst, scored.argmax(axis=1), best)
        if which == "passed":
            passed = scored & (values >= 1.0)
            best = np.where(passed.any(axis=1), passed.argmax(axis=1), best)
        return best
    found = np.empty(len(classes), np.int64)
    block = max(1, (16 << 20) // (k * k))
    for start in range(0, len(classes), block):
        part, voting = classes[start : start + block], scored[start : start + block]
        votes = (part[:, :, None] == part[:, None, :]).sum(axis=2) * voting
        found[start : start + block] = votes.argmax(axis=1)  # the first of the largest: ties go to the class seen first
    return found
