"""Choosing thresholds with a guarantee: Learn-then-Test over the points of a grid.

Taking the cheapest point whose error on the recorded problems is below a limit is optimistic: among many points some look good by luck. Learn-then-Test takes
for every point the null hypothesis that its true risk is above the limit, and keeps only points whose hypothesis is rejected, with all of them tested at once.
With probability at least `confidence` over the recorded problems (drawn independently from those that the cascade will meet) the chosen point's risk is within
the limit.

Risks have names:

- "error among accepted": of the problems that a gate answered, before the last stage, the share that is wrong;
- "loss against large": the accuracy of the large model minus the point's, both over all problems.

Source: A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei, Learn then Test (arXiv 2110.01052).

Example:
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sure = rng.random((400, 1))                                # how far the small model agrees with itself, a problem
    >>> accepted = sure > np.array([[0.9, 0.8, 0.7, 0.5, 0.0]])    # by five thresholds
    >>> correct = ~accepted | (rng.random((400, 1)) < 0.5 + sure / 2)
    >>> choice = choose(~accepted * 100.0, correct, accepted, max_error=0.15, confidence=0.9)
    >>> choice.point, choice.naive.point
    (2, 3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._p_values import Floats, betting_p_values, binomial_p_values, hoeffding_bentkus_p_values
from .errors import ConfigError, DataError
from .stats import holm
from .tables import Column, Table, count, percent

__all__ = [
    "Certificate",
    "Choice",
    "Naive",
    "betting_p_values",
    "binomial_p_values",
    "choose",
    "hoeffding_bentkus_p_values",
]

Risk = Literal["error among accepted", "loss against large"]
Testing = Literal["holm", "bonferroni", "fixed sequence", "split"]
_RISKS = ("error among accepted", "loss against large")
_TESTINGS = ("holm", "bonferroni", "fixed sequence", "split")


# --- which hypotheses are rejected ------------------------------------------------------------------------------------


def _adjusted(p_values: Floats, testing: Testing, order: Sequence[Sequence[int]]) -> Floats:
    """p-values that may be compared with 1 - confidence as they are, all points together."""
    if testing == "holm":
        return holm(p_values)
    if testing == "bonferroni":
        return np.minimum(1.0, p_values * len(p_values))
    adjusted = np.ones_like(p_values)
    for chain in order:
        at = np.asarray(chain, dtype=np.int64)
        adjusted[at] = np.minimum(1.0, np.maximum.accumulate(p_values[at]) * len(order))
    return adjusted


# --- the choice -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certificate:
    """What holds for a chosen point, and why.

    Attributes:
        tests: the tests' names, one a limit. A t-test holds for many problems; the others for any number.
        testing: how the many points were accounted for: "holm", "bonferroni", "fixed sequence" or "split".
        tested: how many points were tested.
        problems: how many problems the tests used.
        accepted: of those, how many the point accepts before its last stage.
        p_value: of the point by itself.
        adjusted_p_value: with all tested points in view; at most 1 - confidence.
        confidence: the probability with which the limits hold.
    """

    tests: tuple[str, ...]
    testing: Testing
    tested: int
    problems: int
    accepted: int
    p_value: float
    adjusted_p_value: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Naive:
    """What one would take without a test: the best point whose figures on the recorded problems are within the limits.

    Attributes:
        point: its index; None where no point is within the limits.
        figure: what is looked at on the halves: the risk's name, or "accuracy" where only the cost is limited.
        splits: how often the problems were split into halves at random, to choose on one half and look at the other; splits without a choice are left out.
        seen: mean, over the splits, of the chosen point's figure on the half that it was chosen on; NaN without splits, and where no chosen point has it:
            a point that accepts nothing has no error among accepted.
        held_out: the same on the other half.
        violations: share of the splits in which the other half is beyond a limit.
    """

    point: int | None
    figure: str
    splits: int
    seen: float
    held_out: float
    violations: float


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """A point chosen with a guarantee, with the naive one beside it. Made by `choose`; shown it is a table.

    Attributes:
        point: index of the chosen point; None where none could be certified.
        certificate: what holds for it; None where there is no point.
        certified: indices of all points that hold, all at once.
        naive: what one would take without a test.
        limits: in words.
        confidence: the guarantee's probability.
        risk: shape (points,), every point's risk on all problems; NaN where it accepts none, or where no error is limited.
        cost: shape (points,), mean cost of a problem.
        accuracy: shape (points,).
        accepted: shape (points,), how many problems each accepts before its last stage.
        p_values: shape (points,), of each by itself.
        names: shape (points,), what tables call them.
        problems: how many problems.
        cost_unit: unit of the costs; empty where that was not told.
        points: shape (points,), of a sweep's points their settings; empty otherwise.
    """

    point: int | None
    certificate: Certificate | None
    certified: NDArray[np.int64]
    naive: Naive
    limits: str
    confidence: float
    risk: Floats
    cost: Floats
    accuracy: Floats
    accepted: NDArray[np.int64]
    p_values: Floats
    names: tuple[str, ...]
    problems: int
    cost_unit: str = ""
    points: tuple[Mapping[str, Any], ...] = ()

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """Of a choice on a sweep: the point's {axis: value}, as `Sweep.at` takes them. None where there is no point."""
        return self.points[self.point] if self.points and self.point is not None else None

    def table(self) -> Table:
        """The chosen and the naive point side by side, and what the guarantee rests on.

        Returns:
            The table.
        """
        figures = ("Risk here", "Accepted", "Accuracy", self.cost_unit or "Cost a problem", "p-value")
        rows = [self._row("with guarantee", self.point), self._row("naive", self.naive.point)]
        columns: tuple[str | Column, ...] = ("Choice", "Point", *(Column(name, right=True) for name in figures))
        return Table(f"{self.limits}: {count(self.problems)} problems", columns, rows, self._caption())

    def _row(self, label: str, point: int | None) -> tuple[str, ...]:
        if point is None:
            return (label, "none", *[""] * 5)
        return (
            label,
            self.names[point],
            "-" if np.isnan(self.risk[point]) else percent(self.risk[point]),
            count(int(self.accepted[point])),
            percent(self.accuracy[point]),
            f"{self.cost[point]:.6g}",
            f"{self.p_values[point]:.2g}",
        )

    def _caption(self) -> str:
        said, naive = self.certificate, self.naive
        if said is None:
            lines = [
                f"No point could be certified with confidence {self.confidence:g}: more problems, a wider limit, fewer points, "
                'or testing="split" may help; until then the large model alone is the safe choice.'
            ]
        else:
            lines = [
                f"With probability {said.confidence:g} the first point is within its limits on problems like these: {' and '.join(said.tests)} on "
                f"{count(said.problems)} problems, {count(said.tested)} points tested ({said.testing}), adjusted p = {said.adjusted_p_value:.2g}."
            ]
        if naive.splits:
            known = [
                f"{percent(value)} on {half}"
                for value, half in ((naive.seen, "the half that it was chosen on"), (naive.held_out, "the other"))
                if not np.isnan(value)
            ]
            lines.append(
                f"The naive choice on held-out problems: over {count(naive.splits)} random splits "
                + (f"its {naive.figure} was {' and '.join(known)}, and " if known else "")
                + f"it was beyond a limit on the other half in {percent(naive.violations, digits=0)} of them."
            )
        return " ".join(lines)

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


@dataclass(frozen=True, slots=True)
class _Grid:
    """The problems' values at every point, and the limits on their means."""

    cost: Floats
    correct: Floats
    counted: Floats  # problems that count for the risk: the accepted ones, or all
    losses: Floats  # of those; 0 elsewhere
    accepted: NDArray[np.bool_] | None
    risk: Risk
    max_error: float | None
    max_cost: float | None

    def figures(self, problems: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean costs, accuracies and risks over sets of problems, given as 0 and 1 of shape (sets, problems)."""
        size = problems.sum(axis=1, keepdims=True)
        tried = problems @ self.counted
        risk = np.divide(problems @ self.losses, tried, out=np.full(tried.shape, np.nan), where=tried > 0)
        return problems @ self.cost / size, problems @ self.correct / size, risk

    def within(self, cost: Floats, risk: Floats) -> NDArray[np.bool_]:
        """Whether figures are within the limits. A point that accepts nothing makes no error among the accepted."""
        held = np.ones(cost.shape, dtype=bool)
        if self.max_error is not None:
            held &= ~(risk > self.max_error)
        if self.max_cost is not None:
            held &= cost <= self.max_cost
        return held

    def best(self, allowed: NDArray[np.bool_], cost: Floats, accuracy: Floats) -> int | None:
        """The best of some points: the most accurate within a cost, else the cheapest; the other figure, then the order, breaks ties."""
        if not allowed.any():
            return None
        keys = (cost, -accuracy) if self.max_cost is not None else (-accuracy, cost)
        order = np.lexsort((np.arange(len(cost)), *keys))
        return int(order[allowed[order]][0])

    def p_values(self, rows: NDArray[np.int64], test: str, confidence: float) -> tuple[Floats, tuple[str, ...]]:
        """p-values of "a limit is passed", from some problems in the given order, and the tests' names."""
        found, tests = np.zeros(self.cost.shape[1]), []
        if self.max_error is not None:
            losses, n = self.losses[rows], len(rows)
            if self.risk == "error among accepted":
                found = binomial_p_values(losses.sum(axis=0).round(), self.counted[rows].sum(axis=0), self.max_error)
                tests.append("exact binomial test of the errors among the accepted")
            elif test == "hoeffding-bentkus":
                found = hoeffding_bentkus_p_values((losses.mean(axis=0) + 1.0) / 2.0, n, (self.max_error + 1.0) / 2.0)
                tests.append("Hoeffding-Bentkus test of the loss")
            else:
                found = betting_p_values(losses, -1.0, 1.0, self.max_error, confidence=confidence)
                tests.append("betting test of the loss")
        if self.max_cost is not None:
            found = np.maximum(found, _t_p_values(self.cost[rows], self.max_cost))
            tests.append("one-sided t-test of the cost (for many problems)")
        return found, tuple(tests)


def _t_p_values(values: Floats, limit: float) -> Floats:
    """p-values of "the mean is above the limit" for many problems: costs have no bound that is known."""
    from scipy.stats import t

    n = len(values)
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(n)
    moving = spread > 0
    statistic = np.divide(mean - limit, spread, out=np.zeros_like(mean), where=moving)
    p_values: Floats = np.where(moving, t.cdf(statistic, n - 1), (mean > limit).astype(float))
    return p_values


def choose(
    cost: ArrayLike,
    correct: ArrayLike,
    accepted: ArrayLike | None = None,
    *,
    max_error: float | None = None,
    max_cost: float | None = None,
    confidence: float = 0.9,
    risk: Risk = "error among accepted",
    reference: ArrayLike | None = None,
    testing: Testing = "holm",
    order: Sequence[Sequence[int]] = (),
    test: Literal["betting", "hoeffding-bentkus"] = "betting",
    names: Sequence[str] | None = None,
    splits: int = 200,
    seed: int = 0,
) -> Choice:
    """Chooses a point of a grid so that its risk, its cost or both stay within limits on problems that were not recorded.

    With `max_error` alone it is the cheapest point that holds; with `max_cost` the most accurate one. The guarantee is for problems drawn like the recorded
    ones. Every point is paid for with a stricter test: leave out thresholds that decide alike by construction (between the same counts of k votes).

    Args:
        cost: shape (problems, points), what each problem costs at each point, in any one unit.
        correct: shape (problems, points), right or wrong at each point, 0 or 1; for the loss also expected values between.
        accepted: shape (problems, points), whether a gate before the last stage answered. Needed for "error among accepted".
        max_error: the most risk that is acceptable, between 0 and 1. Default: no limit.
        max_cost: the most mean cost, in the unit of `cost`. Default: no limit. Its test is a t-test, which holds for many problems.
        confidence: the guarantee's probability; default 0.9.
        risk: "error among accepted", or "loss against large", the accuracy that is given away, which needs `reference`.
        reference: shape (problems,), whether the large model alone is right.
        testing: how many points are accounted for. "holm" (default) and "bonferroni" test all at once. "split" ranks the points by one random half of the
            problems and tests them one after another on the other half until one fails: better for grids of hundreds of points. "fixed sequence" does so on all
            problems in the `order` given, which must not come from them.
        order: for "fixed sequence": one sequence of points' indices or several, each begun at its own share of 1 - confidence.
        test: of the loss: "betting" (default) uses how little it varies, "hoeffding-bentkus" does not.
        names: shape (points,), what tables call the points; default their indices.
        splits: random halves on which the naive choice is tried; default 200; 0: none.
        seed: of the splits and of the order in which the betting test sees the problems. Default 0.

    Returns:
        The choice with its certificate, and the naive choice. Where no point can be certified, `point` is None.

    Raises:
        ConfigError: the shapes do not fit, or an argument is out of range or missing.
        DataError: a value is NaN, infinite or out of range.

    Source:
        Learn then Test (arXiv 2110.01052), sections 2 and 3; "split": its split fixed sequence testing.

    Example:
        >>> accepted = np.ones((60, 1), dtype=bool)
        >>> choose(np.zeros((60, 1)), np.ones((60, 1)), accepted, max_error=0.1).point
        0
    """
    grid = _checked(cost, correct, accepted, max_error, max_cost, risk, reference)
    problems, size = grid.cost.shape
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence: expected a number between 0 and 1, such as 0.9, got {confidence!r}")
    if testing not in _TESTINGS:
        raise ConfigError(f"testing: expected one of {', '.join(map(repr, _TESTINGS))}, got {testing!r}")
    if test not in ("betting", "hoeffding-bentkus"):
        raise ConfigError(f"test: expected 'betting' or 'hoeffding-bentkus', got {test!r}")
    if names is not None and len(names) != size:
        raise ConfigError(f"names: expected {size}, one a point, got {len(names)}")
    if (testing == "fixed sequence") != bool(len(order)):
        raise ConfigError(
            'order: expected together with testing="fixed sequence": sequences of indices of points, fixed before looking at the problems'
        )
    flat = [index for chain in order for index in chain]
    if len(set(flat)) != len(flat) or not set(flat) <= set(range(size)):
        raise ConfigError(f"order: expected different indices from 0 to {size - 1}, got {order!r}")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(problems)
    if testing == "split":
        if problems < 4:
            raise ConfigError(f"testing: 'split' needs at least 4 problems, got {problems}")
        ranking, shuffled = shuffled[: problems // 2], shuffled[problems // 2 :]
        order = [np.argsort(grid.p_values(ranking, test, confidence)[0], kind="stable").tolist()]
    p_values, tests = grid.p_values(shuffled, test, confidence)
    adjusted = _adjusted(p_values, testing, order)
    allowed = adjusted <= 1.0 - confidence
    costs, accuracies, risks = (figure[0] for figure in grid.figures(np.ones((1, problems))))
    point = grid.best(allowed, costs, accuracies)
    held = np.zeros(size, dtype=np.int64) if grid.accepted is None else grid.accepted.sum(axis=0)
    certificate = None
    if point is not None:
        within = 0 if grid.accepted is None else int(grid.accepted[shuffled, point].sum())
        certificate = Certificate(
            tests,
            testing,
            len(flat) or size,
            len(shuffled),
            within,
            float(p_values[point]),
            float(adjusted[point]),
            confidence,
        )
    return Choice(
        point=point,
        certificate=certificate,
        certified=np.flatnonzero(allowed),
        naive=_naive(grid, splits, rng),
        limits=_limits(grid),
        confidence=confidence,
        risk=risks if max_error is not None else np.full(size, np.nan),
        cost=costs,
        accuracy=accuracies,
        accepted=held,
        p_values=p_values,
        names=tuple(names) if names is not None else tuple(f"point {index}" for index in range(size)),
        problems=problems,
    )


def _limits(grid: _Grid) -> str:
    limits = [f"{grid.risk} at most {grid.max_error:g}"] if grid.max_error is not None else []
    limits += [f"mean cost at most {grid.max_cost:g}"] if grid.max_cost is not None else []
    return ", ".join(limits)


def _naive(grid: _Grid, splits: int, rng: np.random.Generator) -> Naive:
    problems = len(grid.cost)
    cost, accuracy, risk = (figure[0] for figure in grid.figures(np.ones((1, problems))))
    point = grid.best(grid.within(cost, risk), cost, accuracy)
    figure, name = (2, grid.risk) if grid.max_error is not None else (1, "accuracy")
    if splits < 1 or problems < 2:
        return Naive(point, name, 0, np.nan, np.nan, np.nan)
    halves = (rng.permuted(np.tile(np.arange(problems), (splits, 1)), axis=1) < problems // 2).astype(float)
    here, there = grid.figures(halves), grid.figures(1.0 - halves)
    seen, held_out, beyond = [], [], []
    for row in range(splits):
        chosen = grid.best(grid.within(here[0][row], here[2][row]), here[0][row], here[1][row])
        if chosen is not None:
            seen.append(here[figure][row, chosen])
            held_out.append(there[figure][row, chosen])
            beyond.append(not grid.within(there[0][row, chosen], there[2][row, chosen]))
    if not seen:
        return Naive(point, name, 0, np.nan, np.nan, np.nan)
    return Naive(point, name, len(seen), _mean_of_known(seen), _mean_of_known(held_out), float(np.mean(beyond)))


def _mean_of_known(values: list[float]) -> float:
    """A point that accepts nothing has no error among the accepted, and none to average."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def check_limits(max_error: float | None, max_cost: float | None, cost_name: str = "max_cost") -> None:
    """Refuses limits that are none; `cost_name` is the argument's, for the error."""
    if max_error is None and max_cost is None:
        raise ConfigError(f"choose: expected a limit: max_error=0.1, {cost_name}=..., or both")
    if max_error is not None and not 0.0 < max_error < 1.0:
        raise ConfigError(f"max_error: expected a number between 0 and 1, such as 0.1, got {max_error!r}")
    if max_cost is not None and not (np.isfinite(max_cost) and max_cost >= 0):
        raise ConfigError(f"{cost_name}: expected a finite cost of at least 0, got {max_cost!r}")


def _checked(
    cost: ArrayLike,
    correct: ArrayLike,
    accepted: ArrayLike | None,
    max_error: float | None,
    max_cost: float | None,
    risk: Risk,
    reference: ArrayLike | None,
) -> _Grid:
    check_limits(max_error, max_cost)
    if risk not in _RISKS:
        raise ConfigError(f"risk: expected one of {', '.join(map(repr, _RISKS))}, got {risk!r}")
    costs, right = np.asarray(cost, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if right.ndim != 2 or 0 in right.shape:
        raise ConfigError(f"correct: expected shape (problems, points) with at least one of each, got {right.shape}")
    if costs.shape != right.shape:
        raise ConfigError(f"cost: expected the shape of correct, {right.shape}, got {costs.shape}")
    for name, values in (("cost", costs), ("correct", right)):
        bad = ~np.isfinite(values) if name == "cost" else ~((values >= 0) & (values <= 1))
        if bad.any():
            problem, point = (int(index) for index in np.argwhere(bad)[0])
            raise DataError(
                f"{name}: problem {problem} at point {point} is {values[problem, point]}; leave out problems that are not graded at every point"
            )
    taken = None if accepted is None else np.asarray(accepted)
    if taken is not None:
        if taken.shape != right.shape:
            raise ConfigError(f"accepted: expected the shape of correct, {right.shape}, got {taken.shape}")
        if not np.isin(taken, (0, 1)).all():
            raise DataError("accepted: expected yes or no (1 or 0) for every problem and point")
        taken = taken.astype(bool)
    counted, losses = np.ones_like(right), np.zeros_like(right)
    if max_error is not None and risk == "error among accepted":
        if taken is None:
            raise ConfigError(
                'accepted: needed for the risk "error among accepted": whether a gate before the last stage answered'
            )
        if not np.isin(right[taken], (0, 1)).all():
            raise DataError(
                'correct: the risk "error among accepted" is tested on single outcomes, right or wrong, not on expected values; '
                'take the estimator "order", or the risk "loss against large"'
            )
        counted = taken.astype(np.float64)
        losses = counted * (1.0 - right)
    elif max_error is not None:
        whole = None if reference is None else np.asarray(reference, dtype=np.float64)
        if whole is None or whole.shape != right.shape[:1]:
            got = "nothing" if whole is None else f"shape {whole.shape}"
            raise ConfigError(
                f'reference: the risk "loss against large" needs whether the large model is right, shape ({len(right)},), got {got}'
            )
        if not ((whole >= 0) & (whole <= 1)).all():
            raise DataError(
                f"reference: problem {int(np.flatnonzero(~((whole >= 0) & (whole <= 1)))[0])} is not between 0 and 1"
            )
        losses = whole[:, np.newaxis] - right
    return _Grid(costs, right, counted, losses, taken, risk, max_error, max_cost)
