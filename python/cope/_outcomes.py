"""What runs and recordings say of each problem, for reports and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError, DataError
from .problems import can_grade
from .result import Run

if TYPE_CHECKING:
    from .recording import Recording


@dataclass(frozen=True, slots=True)
class Outcome:
    """A problem that ended and has a gold answer."""

    correct: bool
    stage: int
    cost_pusd: int | None
    meta: Mapping[str, Any]


def ended_problems(run: Run) -> dict[str, Outcome]:
    """A run's problems that ended and have a gold answer, by id."""
    found = {}
    for row, each in zip(run.rows, run.to_dicts(), strict=True):
        if each["status"] in ("answered", "unscored") and can_grade(each["gold"], each["meta"]):
            found[row["problem_id"]] = Outcome(bool(row["correct"]), row["stage"], row["ideal_pusd"], each["meta"])
    return found


def checked_runs(what: str, runs: Sequence[Run]) -> list[dict[str, Outcome]]:
    """The problems of each run; refuses what makes rows of a table mean different things."""
    if not runs:
        raise ConfigError(f"{what}: expected at least one run")
    for each in runs:
        if not isinstance(each, Run):
            raise ConfigError(f"{what}: expected runs, such as of cope.run or cope.open, got {type(each).__name__}")
    hashes = {run.manifest["problems"]["sha256"] for run in runs}
    tasks = sorted({str(run.manifest["task"]["name"]) for run in runs})
    if len(tasks) > 1:
        raise ConfigError(f"{what}: the runs are of different tasks ({', '.join(tasks)})")
    if len(hashes) > 1:
        raise ConfigError(f"{what}: the runs are over different problem sets; run all methods over the same problems")
    problems = [ended_problems(run) for run in runs]
    for run, ended in zip(runs, problems, strict=True):
        if not ended:
            raise DataError(f"{what}: no problem of {run.name!r} both ended and has a gold answer")
    return problems


def group_problems(
    problems: Mapping[str, Outcome], by: str, groups: Mapping[str, Sequence[Any]] | None
) -> dict[str, list[Outcome]]:
    """Problems by a field of their `meta`."""
    values = {identity: problem.meta.get(by) for identity, problem in problems.items()}
    lacking = [identity for identity, value in values.items() if value is None]
    if lacking:
        fields = sorted({name for problem in problems.values() for name in problem.meta})
        raise ConfigError(
            f"by: problem {lacking[0]!r} has no {by!r} in its meta ({len(lacking)} such in all); there are {', '.join(map(repr, fields)) or 'no fields'}"
        )
    if groups is None:
        distinct = sorted(set(values.values()), key=lambda value: (isinstance(value, str), value))
        groups = {str(value): (value,) for value in distinct}
    found: dict[str, list[Outcome]] = {label: [] for label in groups}
    label_of = {value: label for label, members in groups.items() for value in members}
    for identity, problem in problems.items():
        if values[identity] not in label_of:
            raise ConfigError(
                f"groups: {by} {values[identity]!r} of problem {identity!r} is in none of {', '.join(map(repr, groups))}"
            )
        found[label_of[values[identity]]].append(problem)
    return found


def consensus(recording: Recording, k: int | None) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """How the first k samples of the first stage vote, on problems that have a gold answer and all these samples.

    Returns:
        Votes of the largest class, shape (problems,), 0 where nothing could be scored; whether its answer is right, likewise; and k.

    Raises:
        ConfigError: k is below 1 or more than was recorded.
        DataError: no problem has a gold answer and all its samples.
    """
    stage = recording.arrays(0)
    most = stage.classes.shape[2]
    size = most if k is None else k
    if not 1 <= size <= most:
        raise ConfigError(f"k: expected 1 to {most}, which are recorded, got {k!r}")
    graded = np.array([can_grade(problem.answer, problem.meta) for problem in recording.problems], dtype=bool)
    whole = graded & (stage.recorded[:, 0] >= size)
    if not whole.any():
        raise DataError(f"{recording.name}: no problem has a gold answer and {size} samples of {stage.name}")
    classes, correct = stage.classes[whole, 0, :size], stage.correct[whole, 0, :size]
    same = (classes[:, :, np.newaxis] == classes[:, np.newaxis, :]).sum(axis=2) * (classes >= 0)
    first = same.argmax(axis=1)  # the first of the largest: ties go to the class seen first
    rows = np.arange(len(classes))
    votes = same[rows, first].astype(np.int64)
    return votes, (correct[rows, first] > 0) & (votes > 0), size
