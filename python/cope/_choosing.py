"""`Sweep.choose`: the points of a sweep that decide differently, as arrays for `cope.risk.choose`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError, DataError
from .risk import Choice, Risk, Testing, check_limits, choose
from .tables import settings_text

if TYPE_CHECKING:
    from .result import Run
    from .sweeps import Sweep


def accepting_count(gate: Mapping[str, Any], threshold: Any, k: int) -> Any:
    """The fewest equal votes of k that a gate on consensus accepts, k + 1 where none does; for other gates the threshold itself.

    Thresholds with the same value decide alike, whatever the votes.

    Example:
        >>> from fractions import Fraction
        >>> gate = {"measure": "consensus", "comparison": ">", "denominator": "k"}
        >>> accepting_count(gate, Fraction(3, 4), 8), accepting_count(gate, Fraction(4, 5), 8), accepting_count(gate, Fraction(1), 8)
        (7, 7, 9)
    """
    if gate["measure"] != "consensus" or gate["denominator"] != "k" or gate["comparison"] not in (">", ">="):
        return threshold
    votes = threshold * k
    least = math.floor(votes) + 1 if gate["comparison"] == ">" else math.ceil(votes)
    return min(max(least, 1), k + 1)


def _distinct(sweep: Sweep) -> list[int]:
    """Indices of the first point of each way to decide."""
    found: dict[tuple[Any, ...], int] = {}
    for index, point in enumerate(sweep.points()):
        key: list[Any] = [point["k"]]
        for name, value in point.items():
            if name != "k":
                gate, votes = sweep.gate(name, point["k"])
                key.append(accepting_count(gate, value, votes))
        found.setdefault(tuple(key), index)
    return list(found.values())


def _reference(sweep: Sweep, run: Run | None) -> NDArray[np.float64]:
    """Whether the large model alone is right, by problem."""
    if run is None:
        last = sweep.last_stage_correct()
        if last is None:
            raise ConfigError(
                "reference: the last stage draws several samples or is given a carried plan, so it is not the large model alone; pass a run of it"
            )
        return last
    right = {row["problem_id"]: bool(row["correct"]) for row in run.rows if row["status"] in ("answered", "unscored")}
    missing = [problem for problem in sweep.problems if problem not in right]
    if missing:
        raise DataError(
            f"reference: {run.name!r} has no outcome for {len(missing)} of the sweep's problems, such as {missing[0]!r}; run it over the same problems"
        )
    return np.array([right[problem] for problem in sweep.problems], dtype=np.float64)


def choose_point(
    sweep: Sweep,
    *,
    max_error: float | None,
    max_cost_usd_per_million: float | None,
    confidence: float,
    risk: Risk,
    reference: Run | None,
    testing: Testing,
    splits: int,
    seed: int,
) -> Choice:
    """See `Sweep.choose`."""
    check_limits(max_error, max_cost_usd_per_million, "max_cost_usd_per_million")
    if sweep.cost_pusd is None:
        raise DataError(
            "choose: costs are not known, because some reply had no usage, so that no point is the cheapest"
        )
    if sweep.estimator != "order" and risk == "error among accepted" and max_error is not None:
        raise ConfigError(
            'choose: "error among accepted" is tested on outcomes, but estimator="subsets" gives expected values: sweep with estimator="order", '
            'or limit the "loss against large"'
        )
    kept = _distinct(sweep)
    points = sweep.points()
    each = sweep.per_problem()
    shape = (len(sweep.problems), len(points))
    resolved = each["resolved"].reshape(*shape, -1)[:, kept]
    loss = max_error is not None and risk == "loss against large"
    choice = choose(
        each["cost_pusd"].reshape(shape)[:, kept] / 1e6,
        each["correct"].reshape(shape)[:, kept],
        1 - resolved[..., -1] if sweep.estimator == "order" else None,
        max_error=max_error,
        max_cost=max_cost_usd_per_million,
        confidence=confidence,
        risk=risk,
        reference=_reference(sweep, reference) if loss else None,
        testing=testing,
        names=[settings_text(points[index]) for index in kept],
        splits=splits,
        seed=seed,
    )
    return dataclasses.replace(
        choice, points=tuple(points[index] for index in kept), cost_unit="USD per million problems"
    )
