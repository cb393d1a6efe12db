"""cope.frontier against brute force: domination by definition, hulls by all pairs, areas by fine sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cope.errors import ConfigError
from cope.frontier import aiq, area, front, ibc, pareto
from cope.stats import resample

points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


@settings(deadline=None)
@given(points)
def test_the_front_is_what_nothing_dominates(pairs: list[tuple[int, int]]) -> None:
    cost, accuracy = map(list, zip(*pairs, strict=True))
    found = pareto(cost, accuracy).tolist()
    undominated = {(c, a) for c, a in pairs if not any(c2 <= c and a2 >= a and (c2 < c or a2 > a) for c2, a2 in pairs)}
    assert [pairs[i] for i in found] == sorted(undominated)
    assert all(pairs.index(pairs[i]) == i for i in found)  # of equal points the first


def best_mixture(pairs: list[tuple[int, int]], budget: float) -> float:
    """The most accuracy that mixing two points within a budget has."""
    best = max(a for c, a in pairs if c <= budget)
    for c1, a1 in pairs:
        for c2, a2 in pairs:
            if c1 <= budget < c2:
                best = max(best, a1 + (a2 - a1) * (budget - c1) / (c2 - c1))
    return best


@settings(deadline=None)
@given(points)
def test_aiq_and_area_are_means_over_budgets(pairs: list[tuple[int, int]]) -> None:
    cost, accuracy = map(list, zip(*pairs, strict=True))
    low, high = min(cost), max(cost) + 3
    budgets = np.linspace(low, high, 401)
    mixed = np.array([best_mixture(pairs, b) for b in budgets])
    step = np.array([max(a for c, a in pairs if c <= b) for b in budgets])
    assert aiq(cost, accuracy, cost_range=(low, high)) == pytest.approx(mixed.mean(), abs=0.05)
    assert area(cost, accuracy, cost_range=(low, high)) == pytest.approx(step.mean(), abs=0.1)


def test_area_is_exact_on_a_staircase() -> None:
    assert area([0, 4, 10], [0.5, 0.6, 0.9]) == pytest.approx(0.4 * 0.5 + 0.6 * 0.6)
    assert aiq([0, 4, 10], [0.5, 0.6, 0.9]) == pytest.approx(0.7)  # the middle point is below the chord


def test_ibc_is_zero_on_the_line_between_the_models() -> None:
    lifts = ibc([25.0, 50.0, 50.0, 0.0], [0.6, 0.7, 0.9, 0.6], small=(0.0, 0.5), large=(100.0, 0.9))
    assert lifts[:3] == pytest.approx([0.0, 0.0, 100.0])
    assert math.isnan(lifts[3])  # costs nothing more than the small model: no rate


@pytest.mark.parametrize(
    ("call", "named"),
    [(lambda: pareto([], []), "at least one point"), (lambda: pareto([1], [1, 2]), "cost, accuracy"), (lambda: pareto([math.nan], [1]), "cost: point 0 is nan"),
     (lambda: aiq([1, 2], [0, math.inf]), "accuracy: point 1 is inf"), (lambda: aiq([5, 5], [0, 1]), "all points cost the same"),
     (lambda: area([1, 2], [0, 1], cost_range=(0, 2)), "cheapest point costs 1"), (lambda: area([1, 2], [0, 1], cost_range=(3, 2)), "the lower first"),
     (lambda: ibc([1], [1], small=(0, 1), large=(1, 1)), "dearer and more accurate")],
)  # fmt: skip
def test_what_has_no_curve_is_refused(call: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        call()


def world(problems: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Five thresholds: accuracies and costs a problem, and the true accuracies."""
    rng = np.random.default_rng(seed)
    truth = np.array([0.5, 0.6, 0.7, 0.72, 0.65])
    right = rng.random((problems, 5)) < truth
    asked = rng.random((problems, 1)) < np.array([[0.0, 0.2, 0.5, 0.8, 1.0]])
    return right, asked * 10.0, truth


def test_a_front_carries_its_intervals() -> None:
    right, dollars, _ = world(400, 0)
    found = front(resample(dollars, seed=1), resample(right, seed=1))
    assert found.points.tolist() == pareto(dollars.mean(axis=0), right.mean(axis=0)).tolist()
    assert (found.accuracy_low < found.accuracy).all()
    assert (found.accuracy < found.accuracy_high).all()
    assert found.cost_low[0] == found.cost[0] == 0.0  # the free point is free in every resample
    assert found.on_front[0] == 1.0
    assert found.on_front[4] < 0.1  # dearest, and worse than what is cheaper
    assert (np.diff(found.best) >= 0).all()
    assert (np.diff(found.best_low) >= -1e-12).all()
    assert found.area is not None
    assert found.aiq is not None
    assert found.area.interval.low < found.area.value < found.area.interval.high
    assert found.area.value <= found.aiq.value


def test_the_intervals_of_the_areas_cover_the_truth() -> None:
    # Budgets from 0 to 10 of the true staircase: 0.5 to 2, 0.6 to 5, 0.7 to 8, 0.72 to 10.
    truth = (2 * 0.5 + 3 * 0.6 + 3 * 0.7 + 2 * 0.72) / 10
    covered = 0
    for seed in range(60):
        right, dollars, _ = world(300, seed)
        found = front(resample(dollars, resamples=200, seed=seed), resample(right, resamples=200, seed=seed))
        assert found.area is not None
        covered += found.area.interval.low <= truth <= found.area.interval.high
    assert covered >= 50  # of 60 at 95 %


def test_a_front_of_free_points_has_no_area() -> None:
    found = front(resample(np.zeros((9, 2))), resample(np.eye(9)[:, :2]))
    assert found.area is None
    assert found.points.tolist() == [0]
    assert found.best.tolist() == pytest.approx([1 / 9])


@pytest.mark.parametrize("level", [0, 1, 2, math.nan])
def test_a_front_has_a_level_between_0_and_1(level: float) -> None:
    drawn = resample([[0.0, 1.0]] * 3)
    with pytest.raises(ConfigError, match="confidence: expected a number between 0 and 1"):
        front(drawn, drawn, confidence=level)


def test_a_front_needs_paired_resamples() -> None:
    with pytest.raises(ConfigError, match="same points and resampled sets"):
        front(resample(np.zeros((9, 2)), resamples=5), resample(np.zeros((9, 2)), resamples=6))
