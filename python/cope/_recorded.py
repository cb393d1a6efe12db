"""Recorded samples by problem, stage and carried plan, read from the traces of a recording's runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _core, _shape
from .problems import Problem

Plan = tuple[int, ...]
"""Which sample each stage that a stage depends on carried; empty where nothing is carried."""

_PAGE = 256
# The end of what was recorded: these were never answered, and will be when the recording goes on.
NOT_DRAWN = ("budget", "cancelled", "not_recorded")
# What a model or an earlier plan did, as opposed to what went wrong on the way.
NO_FAULT = ("none", "refused", "parent_failed")


@dataclass(slots=True)
class Drawn:
    """The samples of one stage of one problem under one carried plan, by sample index.

    Attributes:
        draws: The trace's samples of each draw of the stage, in order of the draws.
        gate: Which of `draws` the gate looks at.
    """

    draws: list[list[dict[str, Any]]]
    gate: int

    @property
    def count(self) -> int:
        """How many samples of the gate's draw there are."""
        return len(self.draws[self.gate])


@dataclass(slots=True)
class Samples:
    """Everything that a recording holds.

    Attributes:
        problems: In the order of the set.
        stages: [stage][problem]: {carried plan: what was drawn given it}.
        custom: {(stage, k): value of a custom gate by problem}.
        failures: {identity: (error, message)} of requests that failed for good.
        failed: {problem's index: how many of its requests went wrong}.
    """

    problems: list[Problem] = field(default_factory=list)
    stages: list[list[dict[Plan, Drawn]]] = field(default_factory=list)
    custom: dict[tuple[int, int], dict[int, float]] = field(default_factory=dict)
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)


def traces(store: _core.Store, run_id: int) -> Iterator[dict[str, Any]]:
    """Yields the traces of a run, in the order of its problems."""
    offset = 0
    while page := store.outcomes(run_id, offset=offset, limit=_PAGE, trace=True):
        for row in page:
            yield json.loads(row["trace"] or "{}")
        offset += len(page)


def read(cascade: Mapping[str, Any], runs: Iterable[tuple[int, int | None, Iterable[dict[str, Any]]]]) -> Samples:
    """Gathers the samples of runs.

    Args:
        cascade: Of the recorded method.
        runs: For each its k, the sample that was carried whatever was voted (None: the voted one), and its traces.
    """
    carried_from = _shape.carried_from(cascade)
    inside = [[i for i, draw in enumerate(cascade["draws"]) if draw["stage"] == s] for s in range(len(carried_from))]
    found = Samples(stages=[[] for _ in carried_from])
    index: dict[str, int] = {}
    for k, fixed, run in runs:
        for trace in run:
            place = index.get(trace["id"])
            if place is None:
                place = index[trace["id"]] = len(found.problems)
                found.problems.append(Problem(trace["id"], trace["question"], trace["gold"], trace["meta"]))
                for stage in found.stages:
                    stage.append({})
            _add(found, place, trace, k, fixed, cascade, carried_from, inside)
    return found


def _add(
    found: Samples,
    place: int,
    trace: Mapping[str, Any],
    k: int,
    fixed: int | None,
    cascade: Mapping[str, Any],
    carried_from: Sequence[tuple[int, ...]],
    inside: Sequence[Sequence[int]],
) -> None:
    ended = {stage["stage"]: stage for stage in trace["stages"]}
    by_draw = {draw["draw"]: draw["samples"] for draw in trace["draws"]}
    seen_failed = 0
    for stage, draws in enumerate(inside):
        if any(source not in ended for source in carried_from[stage]):
            break  # a partial trace: its earlier stages did not end
        plan: Plan = tuple(
            ended[source]["representative"] if fixed is None else fixed for source in carried_from[stage]
        )
        gate = cascade["stages"][stage]["gate"]
        drawn = Drawn([_prefix(by_draw.get(draw, [])) for draw in draws], draws.index(gate["draw"]))
        known = found.stages[stage][place].get(plan)
        if drawn.count > 0 and (known is None or drawn.count > known.count):
            found.stages[stage][place][plan] = drawn
        if gate["measure"] == "custom" and stage in ended:
            found.custom.setdefault((stage, k), {})[place] = ended[stage]["value"]
        for samples in drawn.draws:
            for sample in samples:
                if sample["error"] not in ("none", "parent_failed"):
                    found.failures[sample["identity"]] = (sample["error"], sample["error_message"])
                    seen_failed += sample["error"] not in NO_FAULT
    if seen_failed:
        found.failed[place] = max(found.failed.get(place, 0), seen_failed)


def _prefix(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The samples before the first that was never drawn."""
    for position, sample in enumerate(samples):
        if sample["index"] != position or sample["error"] in NOT_DRAWN:
            return samples[:position]
    return samples
