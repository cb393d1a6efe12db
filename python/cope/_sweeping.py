"""From a recording to what the native sweeps evaluate: axes, carried plans, which problems have all samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core, _shape
from ._money import INT64_MAX, exact_values
from .cascade import Gate
from .errors import ConfigError, DataError
from .problems import can_grade
from .sweeps import Estimator, Sweep
from .tables import some

if TYPE_CHECKING:
    from ._recording import Recording

_THRESHOLDED = ("consensus", "perplexity", "score", "custom")
_MEASURED = ("passed", "perplexity", "score")


@dataclass(frozen=True)
class Inputs:
    """What the native core evaluates, for the grid as a whole or one point of it."""

    stages: tuple[_core.SweepStage, ...]
    k: NDArray[np.int32]
    axes: tuple[int, ...]  # of each axis but k: its stage
    estimator: Estimator
    conditional: bool
    threads: int

    def _how(self) -> dict[str, Any]:
        return {"estimator": self.estimator, "conditional": self.conditional, "threads": self.threads}

    def grid(self) -> _core.SweepGrid:
        """Sums over problems."""
        return _core.sweep(self.stages, self.k, **self._how())

    def problems(self) -> _core.SweepProblems:
        """The same for each problem."""
        return _core.sweep_problems(self.stages, self.k, **self._how())

    def bootstrap(self, weighted: NDArray[np.float64]) -> _core.SweepBootstrap:
        """Weighted sums over problems."""
        return _core.sweep_bootstrap(self.stages, self.k, np.ascontiguousarray(weighted), **self._how())

    def only(self, index: tuple[int, ...]) -> Inputs:
        """One point; `index` is into all axes, k first."""
        chosen = dict(zip(self.axes, index[1:], strict=True))
        stages: list[Any] = []
        for number, stage in enumerate(self.stages):
            entry: dict[str, Any] = dict(stage)
            gate: dict[str, Any] = dict(entry["gate"])
            if number in chosen:
                gate["thresholds"] = gate["thresholds"][chosen[number] : chosen[number] + 1].copy()
            entry["gate"] = gate
            for name in ("variant", "custom"):
                if name in entry:
                    entry[name] = entry[name][:, index[0] : index[0] + 1].copy()
            stages.append(entry)
        return Inputs(
            tuple(stages),
            self.k[index[0] : index[0] + 1].copy(),
            self.axes,
            self.estimator,
            self.conditional,
            self.threads,
        )


def make_sweep(
    recording: Recording,
    *,
    k: int | Sequence[int] | None,
    gate: Gate | Mapping[str, Gate] | None,
    estimator: Estimator,
    conditional: bool,
    incomplete: Literal["refuse", "drop"],
    threads: int,
    thresholds: Mapping[str, Any],
) -> Sweep:
    """Evaluates a recording over a grid; see `Recording.sweep`."""
    cascade = recording.cascade
    if estimator not in ("order", "subsets"):
        raise ConfigError(f"estimator: expected 'order' or 'subsets', got {estimator!r}")
    if conditional and estimator != "subsets":
        raise ConfigError(
            "conditional: sampling order is not conditional on anything; leave it out, or pass estimator='subsets'"
        )
    if incomplete not in ("refuse", "drop"):
        raise ConfigError(f"incomplete: expected 'refuse' or 'drop', got {incomplete!r}")
    if not recording.problems:
        raise DataError(f"{recording.store}: the recording is empty. {recording.how_to_record_more()}")
    gates = [stage["gate"] for stage in _shape.with_gates(cascade, gate)["stages"]]
    axes = _axes(cascade, gates, thresholds)
    stages = [recording.arrays(index) for index in range(len(cascade["stages"]))]
    for own, stage in zip(gates, stages, strict=True):
        if own["measure"] in _MEASURED and stage.measure is None:
            raise ConfigError(
                f"gate: {stage.name} was recorded without {own['measure']}; record the method with that gate to sweep over it"
            )
    ks = _values_of_k(recording, stages, k)
    variants = _variants(cascade, gates, stages, ks)
    if estimator == "subsets" and not conditional:
        _check_expectation(recording, cascade)
    keep, dropped = _complete(recording, stages, ks, variants, estimator, conditional, incomplete)
    native = [
        _native(recording, stages, number, gates[number], axes.get(number), variants[number], ks, keep, conditional)
        for number in range(len(stages))
    ]
    inputs = Inputs(tuple(native), np.array(ks, np.int32), tuple(axes), estimator, conditional, threads)
    grid = inputs.grid()
    known = all(stage.cost_pusd is not None for stage in stages)
    shape = (len(ks), *(len(values) for values in axes.values()))
    ids = [problem.id for problem in recording.problems]
    return Sweep(
        name=recording.name,
        axes={"k": tuple(ks), **{f"tau{stage + 1}": values for stage, values in axes.items()}},
        problems=tuple(ids[place] for place in np.flatnonzero(keep).tolist()),
        stage_names=tuple(stage.name for stage in stages),
        correct=grid["correct"].reshape(shape),
        unscored=grid["unscored"].reshape(shape),
        cost_pusd=grid["cost_pusd"].reshape(shape) if known else None,
        resolved=grid["resolved"].reshape(*shape, len(stages)),
        estimator=estimator,
        conditional=conditional,
        dropped=dropped,
        seed=recording.seed,
        _inputs=inputs,
    )


def _axes(
    cascade: Mapping[str, Any], gates: Sequence[Mapping[str, Any]], given: Mapping[str, Any]
) -> dict[int, tuple[Fraction, ...]]:
    """The thresholds of each stage that has any."""
    last = len(gates) - 1
    gated = [stage for stage, gate in enumerate(gates) if stage < last and gate["measure"] in _THRESHOLDED]
    names = {f"tau{stage + 1}": stage for stage in gated}
    for name in given:
        if name not in names:
            there = ", ".join(f"{tau} ({cascade['stages'][stage]['name']})" for tau, stage in names.items()) or "none"
            raise ConfigError(f"{name}: {cascade['name']} has no such threshold; there are {there}")
    found = {}
    for name, stage in names.items():
        gate = gates[stage]
        values = sorted(set(exact_values(given.get(name, Fraction(*gate["threshold"])), name)))
        if not values:
            raise ConfigError(f"{name}: expected at least one threshold, such as [0.5, 0.75], got none")
        share = gate["measure"] == "consensus"
        for value in values:
            if value < 0 or (share and value > 1):
                raise ConfigError(
                    f"{name}: expected {'0 to 1 (a share of the votes)' if share else 'at least 0'}, got {value}"
                )
            if max(value.numerator, value.denominator) > INT64_MAX:
                raise ConfigError(f"{name}: {value} has too many digits; write a fraction such as '2/3'")
        found[stage] = tuple(values)
    return found


def _values_of_k(
    recording: Recording, stages: Sequence[_arrays.StageArrays], k: int | Sequence[int] | None
) -> list[int]:
    values = recording.k if k is None else _shape.checked_k(k, recording.cascade)
    most = max((stage.classes.shape[2] for stage in stages if stage.uses_k), default=1)
    if max(values) > max(most, 1):
        raise DataError(
            f"k: {max(values)} samples are more than the {most} that are recorded. {recording.how_to_record_more()}"
        )
    return values


def _variants(
    cascade: Mapping[str, Any],
    gates: Sequence[Mapping[str, Any]],
    stages: Sequence[_arrays.StageArrays],
    ks: Sequence[int],
) -> list[NDArray[np.int32] | None]:
    """For each stage [P, K]: which of its variants goes with the plans carried at each k, -1 where that one was not recorded; None: carries nothing."""
    found: list[NDArray[np.int32] | None] = []
    sources = _shape.carried_from(cascade)
    carried: dict[int, NDArray[np.int64]] = {}
    for number, stage in enumerate(stages):
        problems = len(stage.plans)
        variant: NDArray[np.int32] | None = None
        if sources[number]:
            variant = np.full((problems, len(ks)), -1, np.int32)
            for p, plans in enumerate(stage.plans):
                places = {plan: place for place, plan in enumerate(plans)}
                for column in range(len(ks)):
                    plan = tuple(int(carried[source][p, column]) for source in sources[number])
                    variant[p, column] = places.get(plan, -1)
        if any(number in later for later in sources):
            carried[number] = np.zeros((problems, len(ks)), np.int64)
            for column, size in enumerate(ks):
                of = np.zeros(problems, np.int64) if variant is None else np.maximum(variant[:, column], 0)
                rows = np.arange(problems)
                measure = None if stage.measure is None else stage.measure[rows, of]
                if stage.uses_k:
                    carried[number][:, column] = _arrays.representatives(
                        stage.classes[rows, of], measure, gates[number]["measure"], size
                    )
        found.append(variant)
    return found


def _check_expectation(recording: Recording, cascade: Mapping[str, Any]) -> None:
    carrying = [stage for stage, sources in enumerate(_shape.carried_from(cascade)) if sources]
    if carrying and recording.carry != "all":
        raise ConfigError(
            f"estimator='subsets': {cascade['stages'][carrying[0]]['name']} is given a plan that depends on the first stage's votes, and was recorded "
            "for the plans of sampling order only, so the expectation over subsets does not exist: record with carry='all', "
            "or take the carried plans as given with conditional=True"
        )


def _complete(
    recording: Recording,
    stages: Sequence[_arrays.StageArrays],
    ks: Sequence[int],
    variants: Sequence[NDArray[np.int32] | None],
    estimator: Estimator,
    conditional: bool,
    incomplete: str,
) -> tuple[NDArray[np.bool_], dict[str, tuple[str, ...]]]:
    """Which problems can be swept over, and why the others cannot."""
    ids = np.array([problem.id for problem in recording.problems], object)
    without = np.array([not can_grade(problem.answer, problem.meta) for problem in recording.problems], bool)
    if without.all():
        raise DataError(
            f"{recording.store}: no problem has a gold answer, so there is no accuracy to sweep; replay() decides without"
        )
    missing = np.zeros(len(ids), bool)
    words = []
    for number, stage in enumerate(stages):
        lacking, what = _lacking(recording, stage, number, ks, variants[number], estimator, conditional)
        if lacking.any():
            words.append(f"{stage.name}: {what} of {some(ids[lacking].tolist())}")
            missing |= lacking
    failed = np.zeros(len(ids), bool)
    failed[list(recording.samples.failed)] = True
    if failed.any():
        words.append(f"requests failed for {some(ids[failed].tolist())}")
        missing |= failed
    unbegun = recording.unbegun
    if unbegun:
        words.append(f"all stages: nothing of {some(unbegun)}")
    if words and incomplete == "refuse":
        raise DataError(
            f"{recording.name}: samples are not recorded ({'; '.join(words)}). {recording.how_to_record_more()}; "
            "or sweep over the other problems with incomplete='drop'"
        )
    keep = ~(missing | without)
    if not keep.any():
        raise DataError(
            f"{recording.name}: no problem has all its samples ({'; '.join(words)}). {recording.how_to_record_more()}"
        )
    dropped = {}
    if unbegun:
        dropped["nothing is recorded"] = tuple(unbegun)
    if missing.any():
        dropped["not all samples are recorded"] = tuple(ids[missing].tolist())
    if (without & ~missing).any():
        dropped["no gold answer"] = tuple(ids[without & ~missing].tolist())
    return keep, dropped


def _lacking(
    recording: Recording,
    stage: _arrays.StageArrays,
    number: int,
    ks: Sequence[int],
    variant: NDArray[np.int32] | None,
    estimator: Estimator,
    conditional: bool,
) -> tuple[NDArray[np.bool_], str]:
    """Which problems lack samples of a stage, and what it is that they lack."""
    problems, count, most = stage.classes.shape
    rows = np.arange(problems)
    if estimator == "subsets" and variant is not None and not conditional:
        whole = (stage.recorded == most).all(axis=1) & (np.array([len(plans) for plans in stage.plans]) == count)
        return ~whole, f"not all {most} samples given each of {count} plans"
    used = np.zeros((problems, len(ks)), np.int32) if variant is None else variant
    needed = [most if estimator == "subsets" else k if stage.uses_k else 1 for k in ks]
    lacking = np.zeros(problems, bool)
    unknown = np.zeros(problems, bool)
    for column, need in enumerate(needed):
        unknown |= used[:, column] < 0
        lacking |= (used[:, column] < 0) | (stage.recorded[rows, np.maximum(used[:, column], 0)] < need)
    if unknown.any():
        return lacking, "no samples given the plan that is carried, or too few,"
    return lacking, f"fewer than {max(needed)} sample{'' if max(needed) == 1 else 's'}"


def _native(
    recording: Recording,
    stages: Sequence[_arrays.StageArrays],
    number: int,
    gate: Mapping[str, Any],
    thresholds: tuple[Fraction, ...] | None,
    variant: NDArray[np.int32] | None,
    ks: Sequence[int],
    keep: NDArray[np.bool_],
    conditional: bool,
) -> _core.SweepStage:
    stage = stages[number]
    entry: dict[str, Any] = {
        "gate": {
            "measure": gate["measure"],
            "comparison": gate["comparison"],
            "denominator": gate["denominator"],
        },
        "classes": stage.classes[keep],
        "correct": stage.correct[keep],
        "uses_k": stage.uses_k,
    }
    if thresholds is not None:
        entry["gate"]["thresholds"] = np.array([[t.numerator, t.denominator] for t in thresholds], np.int64)
    if stage.cost_pusd is not None and stage.once_pusd is not None:
        entry["cost_pusd"] = stage.cost_pusd[keep]
        entry["once_pusd"] = stage.once_pusd[keep]
    if stage.measure is not None and gate["measure"] in _MEASURED:
        entry["measure"] = stage.measure[keep]
    if stage.other is not None and gate["measure"] == "agreement":
        entry["other"] = stage.other[keep]
    if gate["measure"] == "custom":
        entry["custom"] = _custom(recording, number, ks)[keep]
    if variant is not None:
        entry["variant"] = variant[keep]
        sources = _shape.carried_from(recording.cascade)[number]
        if recording.carry == "all" and len(sources) == 1 and not conditional:
            entry["carries"] = sources[0]
    return entry  # type: ignore[return-value]


def _custom(recording: Recording, stage: int, ks: Sequence[int]) -> NDArray[np.float64]:
    values = np.zeros((len(recording.problems), len(ks)))
    for column, k in enumerate(ks):
        known = recording.samples.custom.get((stage, k), {})
        for p in range(len(values)):
            if p not in known:
                raise DataError(
                    f"k = {k}: the gate's own function was not asked at it for problem {recording.problems[p].id!r}; "
                    f"it was at k = {', '.join(map(str, recording.k))}. {recording.how_to_record_more()}"
                )
            values[p, column] = known[p]
    return values
