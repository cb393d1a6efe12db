"""`cope record` and `cope sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..tables import usd
from ._errors import Code, Stop
from ._output import emit, emit_json, note
from ._run import Options, default_store, experiment_of


def record_command(
    file: Path | None, options: Options, k: str, *, carry: str, partial: bool, dry: bool, as_json: bool, quiet: bool
) -> Code:
    """Records an experiment's method at several k and prints what is there."""
    from ..recording import estimate, record
    from ._build import build_problems, build_task, built_method

    experiment = experiment_of(file, options)
    problems = build_problems(experiment)
    task = build_task(experiment)
    store = experiment.path(experiment.store) if experiment.store is not None else default_store(experiment, file)
    how: dict[str, Any] = {"store": store, "k": _whole(k), "carry": carry, "task": task, "seed": experiment.seed}
    with built_method(experiment) as method:
        made = estimate(method, problems, **how)
        if dry:
            emit(made.summary())
            return Code.OK
        if not quiet and not as_json and made.most_pusd:
            expected = "" if made.expected_pusd is None else f", expected {usd(made.expected_pusd)}"
            note(f"cope: takes at most {usd(made.most_pusd)}{expected}; --estimate shows the draws")
        recording = record(
            method, problems, budget_usd=experiment.budget_usd, partial=partial, progress=not quiet, **how
        )
    missing = recording.missing()
    if as_json:
        emit_json({"store": recording.store, "method": recording.name, "k": recording.k, "missing": missing})
    else:
        emit(recording.summary())
    if missing:
        note(
            "cope: samples are missing; the same command goes on, where the budget cut it off with a higher --budget-usd"
        )
        return Code.BUDGET if any("budget" in words for words in missing) else Code.FAILED
    return Code.OK


def sweep_command(
    store: Path,
    which: str | None,
    seed: int | None,
    id: str | None,
    k: str | None,
    thresholds: dict[str, str | None],
    estimator: str,
    *,
    drop: bool,
    every: bool,
    as_json: bool,
) -> Code:
    """Sweeps over a recording and prints the points."""
    from ..recording import open_recording

    axes: dict[str, Any] = {name: values_of(text) for name, text in thresholds.items() if text is not None}
    recording = open_recording(store, which, seed=seed, id=id)
    sweep = recording.sweep(
        None if k is None else _whole(k),
        estimator=estimator,  # type: ignore[arg-type]
        incomplete="drop" if drop else "refuse",
        **axes,
    )
    if as_json:
        emit_json(sweep.to_dicts())
    else:
        emit(sweep.summary(rows=len(sweep.points())) if every else sweep.summary())
    return Code.OK


def values_of(text: str) -> list[str]:
    """Thresholds as a list "0.5,2/3" or a range "0:1:1/8" (both ends, step), exactly."""
    if ":" not in text:
        return [part.strip() for part in text.split(",")]
    from .._money import exact

    parts = text.split(":")
    if len(parts) != 3:
        raise Stop(f"{text}: expected a range such as 0:1:1/8 (from, to, step)", Code.MISUSE)
    low, high, step = (exact(part, text) for part in parts)
    if step <= 0 or high < low:
        raise Stop(f"{text}: expected a range from low to high with a step above 0", Code.MISUSE)
    return [str(low + step * i) for i in range(int((high - low) / step) + 1)]


def _whole(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--k: expected whole numbers such as 1,2,4,8, got {text!r}") from None
