"""Cost against accuracy: the Pareto front with its bootstrap band, the area under it, AIQ and IBC.

Points are pairs of a cost and an accuracy, of whatever can be run: grid points of a sweep, or methods. Costs are in any one unit; the package's tables and
plots use USD per million problems.

Example:
    >>> cost, accuracy = [0.0, 10.0, 20.0, 40.0], [0.60, 0.85, 0.80, 0.90]
    >>> pareto(cost, accuracy).tolist()
    [0, 1, 3]
    >>> round(aiq(cost, accuracy), 4)
    0.8375
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ConfigError
from .stats import Estimate, Interval, Resampled

__all__ = ["Front", "aiq", "area", "front", "ibc", "pareto"]

Floats = NDArray[np.float64]
_BUDGETS = 200
"""Budgets at which a front's band is given."""


def _points(cost: ArrayLike, accuracy: ArrayLike) -> tuple[Floats, Floats]:
    costs, accuracies = np.asarray(cost, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    if costs.ndim != 1 or costs.shape != accuracies.shape or not len(costs):
        raise ConfigError(
            f"cost, accuracy: expected two of shape (points,) with at least one point, got {costs.shape} and {accuracies.shape}"
        )
    for name, values in (("cost", costs), ("accuracy", accuracies)):
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ConfigError(f"{name}: point {bad} is {values[bad]}; leave out points whose {name} is not known")
    return costs, accuracies


def pareto(cost: ArrayLike, accuracy: ArrayLike) -> NDArray[np.int64]:
    """The points that no other beats: none is at least as accurate and as cheap, and better in one of the two.

    Args:
        cost: shape (points,), finite, in any unit.
        accuracy: shape (points,), finite.

    Returns:
        Their indices, by rising cost; accuracy rises, too. Of equal points the first.

    Raises:
        ConfigError: the shapes are wrong, or a value is NaN or infinite.

    Example:
        >>> pareto([1, 2, 3], [0.5, 0.4, 0.6]).tolist()
        [0, 2]
    """
    costs, accuracies = _points(cost, accuracy)
    order = np.lexsort((np.arange(len(costs)), -accuracies, costs))
    best = np.maximum.accumulate(accuracies[order])
    kept = np.r_[True, accuracies[order][1:] > best[:-1]]
    return order[kept].astype(np.int64)


def _hull(costs: Floats, accuracies: Floats) -> NDArray[np.int64]:
    """The corners of the upper hull of a Pareto front: what mixing two of its points at random can reach."""
    corners: list[int] = []
    for point in range(len(costs)):
        while len(corners) > 1:
            before, last = corners[-2], corners[-1]
            rise = (accuracies[last] - accuracies[before]) * (costs[point] - costs[before])
            if rise > (accuracies[point] - accuracies[before]) * (costs[last] - costs[before]):
                break
            corners.pop()
        corners.append(point)
    return np.array(corners, dtype=np.int64)


def _range(costs: Floats, cost_range: tuple[float, float] | None) -> tuple[float, float]:
    low, high = cost_range if cost_range is not None else (float(costs.min()), float(costs.max()))
    if not low < high or not np.isfinite((low, high)).all():
        raise ConfigError(
            f"cost_range: expected two different costs, the lower first, got ({low:g}, {high:g}); "
            "where all points cost the same there is no curve, so name the range"
        )
    if low < costs.min():
        raise ConfigError(
            f"cost_range: begins at {low:g}, but the cheapest point costs {costs.min():g}, so that nothing can be run for less; "
            "begin there, or add a cheaper point, such as the small model alone"
        )
    return low, high


def aiq(cost: ArrayLike, accuracy: ArrayLike, *, cost_range: tuple[float, float] | None = None) -> float:
    """Average improvement in quality: the mean accuracy over all budgets, points mixed at random.

    The curve is the non-decreasing convex hull of the points: a budget between two points is spent by using one for a share of the problems and the other for
    the rest. Right of the dearest point the curve is flat.

    Args:
        cost: shape (points,), finite, in any unit.
        accuracy: shape (points,), finite.
        cost_range: the budgets, lowest and highest. Default: those of the points. Name one range where several sets of points are compared.

    Returns:
        The area under the curve divided by the width of the range: an accuracy.

    Raises:
        ConfigError: the shapes are wrong, a value is not finite, or the range is empty or begins below the cheapest point.

    Source:
        Q. J. Hu et al., RouterBench (arXiv 2403.12031).

    Example:
        >>> aiq([0, 10], [0.5, 1.0]), aiq([0, 10], [0.5, 1.0], cost_range=(0, 20))
        (0.75, 0.875)
    """
    costs, accuracies = _points(cost, accuracy)
    low, high = _range(costs, cost_range)
    best = pareto(costs, accuracies)
    return _under_hull(costs[best], accuracies[best], low, high)


def _under_hull(costs: Floats, accuracies: Floats, low: float, high: float) -> float:
    corners = _hull(costs, accuracies)
    inside = costs[corners][(costs[corners] > low) & (costs[corners] < high)]
    budgets: Floats = np.concatenate(([low], inside, [high]))
    heights: Floats = np.interp(budgets, costs[corners], accuracies[corners])
    return float((np.diff(budgets) * (heights[1:] + heights[:-1])).sum() / 2.0 / (high - low))


def area(cost: ArrayLike, accuracy: ArrayLike, *, cost_range: tuple[float, float] | None = None) -> float:
    """Area under the cost-accuracy curve: the mean, over all budgets, of the best accuracy that one point within the budget has.

    The curve is the Pareto front's staircase: what can be run as it stands, without mixing points; so it is at most `aiq`.

    Args:
        cost: shape (points,), finite, in any unit.
        accuracy: shape (points,), finite.
        cost_range: the budgets, lowest and highest. Default: those of the points.

    Returns:
        The area divided by the width of the range: an accuracy.

    Raises:
        ConfigError: the shapes are wrong, a value is not finite, or the range is empty or begins below the cheapest point.

    Example:
        >>> area([0, 5, 10], [0.5, 0.7, 1.0])
        0.6
    """
    costs, accuracies = _points(cost, accuracy)
    low, high = _range(costs, cost_range)
    best = pareto(costs, accuracies)
    return _under_stairs(costs[best], accuracies[best], low, high)


def _under_stairs(costs: Floats, accuracies: Floats, low: float, high: float) -> float:
    edges = np.r_[low, costs[(costs > low) & (costs < high)], high]
    return float((np.diff(edges) * _stairs(costs, accuracies, edges[:-1])).sum() / (high - low))


def _stairs(costs: Floats, accuracies: Floats, budgets: Floats) -> Floats:
    """The best accuracy within each budget, of a Pareto front by rising cost; NaN below its cheapest point."""
    place = np.searchsorted(costs, budgets, side="right") - 1
    return np.where(place >= 0, accuracies[place], np.nan)


def ibc(
    cost: ArrayLike,
    accuracy: ArrayLike,
    *,
    small: tuple[float, float],
    large: tuple[float, float],
) -> Floats:
    """Incremental benefit per cost, as the lift over the large model: how much more accuracy a dollar buys than by always asking the large model.

    Args:
        cost: shape (points,), finite, in any unit.
        accuracy: shape (points,), finite.
        small: (cost, accuracy) of the small model alone.
        large: (cost, accuracy) of the large model alone.

    Returns:
        Shape (points,), in percent: 0 is the large model's own rate; 100 twice as much accuracy a dollar; negative: the money is better spent on the large
        model for a random share of the problems. NaN for a point that costs no more than the small model: it has no rate.

    Raises:
        ConfigError: the shapes are wrong, a value is not finite, or the large model is not dearer and more accurate than the small one.

    Source:
        P. Aggarwal, A. Madaan et al., AutoMix (arXiv 2310.12963), which calls it delta IBC.

    Example:
        >>> ibc([50.0], [0.8], small=(0.0, 0.5), large=(100.0, 0.9)).round(6).tolist()
        [50.0]
    """
    costs, accuracies = _points(cost, accuracy)
    if not (large[0] > small[0] and large[1] > small[1]):
        raise ConfigError(
            f"ibc: expected a large model that is dearer and more accurate than the small one, got (cost, accuracy) {large} and {small}"
        )
    base = (large[1] - small[1]) / (large[0] - small[0])
    extra = costs - small[0]
    rate = np.divide(accuracies - small[1], extra, out=np.full(len(costs), np.nan), where=extra > 0)
    lift: Floats = 100.0 * (rate / base - 1.0)
    return lift


@dataclass(frozen=True, slots=True)
class Front:
    """A Pareto front with what the bootstrap says about it. Made by `front`.

    Attributes:
        points: indices of the front's points, by rising cost.
        cost: shape (front,), their costs.
        accuracy: shape (front,), their accuracies.
        cost_low: shape (front,), lower ends of the costs' percentile intervals, point by point.
        cost_high: shape (front,), upper ends.
        accuracy_low: shape (front,), lower ends of the accuracies' percentile intervals, point by point.
        accuracy_high: shape (front,), upper ends.
        on_front: shape (points,), for all points: in which share of the resampled problem sets it is on the front.
        budgets: shape (budgets,), from the front's cheapest point to its dearest.
        best: shape (budgets,), the best accuracy within each budget: the staircase.
        best_low: shape (budgets,), lower end of its band, which holds budget by budget: percentiles of the staircases of the resampled problem sets.
        best_high: shape (budgets,), upper end. Every resampled set picks its own best points, and the best of many is an optimistic choice: with many points
            of nearly equal accuracy the band lies above the staircase.
        area: `area`, with its interval; None where all points cost the same.
        aiq: `aiq`, with its interval; None where all points cost the same.
        confidence: level of the intervals.
    """

    points: NDArray[np.int64]
    cost: Floats
    accuracy: Floats
    cost_low: Floats
    cost_high: Floats
    accuracy_low: Floats
    accuracy_high: Floats
    on_front: Floats
    budgets: Floats
    best: Floats
    best_low: Floats
    best_high: Floats
    area: Estimate | None
    aiq: Estimate | None
    confidence: float


def front(cost: Resampled, accuracy: Resampled, *, confidence: float = 0.95) -> Front:
    """The Pareto front of the points of a grid, with bootstrap intervals and a band.

    Args:
        cost: means of all points and their resampled means, as `cope.stats.resample` makes them; any shape, flattened.
        accuracy: the same of the accuracies, from the same resampled problem sets (the same seed).
        confidence: level of the intervals, between 0 and 1; default 0.95.

    Returns:
        The front.

    Raises:
        ConfigError: the two do not belong together, a value is not finite, or the level is none.

    Example:
        >>> from cope.stats import resample
        >>> right = [[0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 1, 0]]
        >>> dollars = [[0, 0, 9], [0, 0, 9], [0, 5, 9], [0, 5, 9]]
        >>> front(resample(dollars), resample(right)).points.tolist()
        [0, 1]
    """
    if cost.drawn.shape != accuracy.drawn.shape:
        raise ConfigError(
            f"front: cost and accuracy must be of the same points and resampled sets, got {cost.drawn.shape} and {accuracy.drawn.shape}"
        )
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence: expected a number between 0 and 1, such as 0.95, got {confidence!r}")
    costs, accuracies = _points(cost.value.ravel(), accuracy.value.ravel())
    drawn_costs = cost.drawn.reshape(len(cost.drawn), -1)
    drawn_accuracies = accuracy.drawn.reshape(len(accuracy.drawn), -1)
    best = pareto(costs, accuracies)
    low, high = float(costs.min()), float(costs.max())
    budgets = np.union1d(np.linspace(costs[best[0]], costs[best[-1]], _BUDGETS), costs[best])
    on_front = np.zeros(len(costs))
    stairs = np.empty((len(drawn_costs), len(budgets)))
    areas = np.empty((2, len(drawn_costs)))
    for row, (some_costs, some_accuracies) in enumerate(zip(drawn_costs, drawn_accuracies, strict=True)):
        kept = pareto(some_costs, some_accuracies)
        on_front[kept] += 1
        ends = some_costs[kept], some_accuracies[kept]
        # Left of a resampled set's cheapest point nothing could be run; its areas begin there, and its staircase is held.
        stairs[row] = _stairs(*ends, np.maximum(budgets, ends[0][0]))
        start = max(low, float(ends[0][0]))
        if start < high:
            areas[:, row] = _under_stairs(*ends, start, high), _under_hull(*ends, start, high)
        else:
            areas[:, row] = ends[1][0]
    levels = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    best_low, best_high = np.quantile(stairs, levels, axis=0)
    cost_low, cost_high = np.quantile(drawn_costs[:, best], levels, axis=0)
    accuracy_low, accuracy_high = np.quantile(drawn_accuracies[:, best], levels, axis=0)
    estimates: list[Estimate | None] = [None, None]
    if low < high:
        values = area(costs, accuracies), aiq(costs, accuracies)
        ends_of = np.quantile(areas, levels, axis=1).T.tolist()
        estimates = [Estimate(value, Interval(*each)) for value, each in zip(values, ends_of, strict=True)]
    return Front(
        points=best,
        cost=costs[best],
        accuracy=accuracies[best],
        cost_low=cost_low,
        cost_high=cost_high,
        accuracy_low=accuracy_low,
        accuracy_high=accuracy_high,
        on_front=on_front / len(drawn_costs),
        budgets=budgets,
        best=_stairs(costs[best], accuracies[best], budgets),
        best_low=best_low,
        best_high=best_high,
        area=estimates[0],
        aiq=estimates[1],
        confidence=confidence,
    )
