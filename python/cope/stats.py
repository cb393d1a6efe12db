"""Statistics of evaluations: intervals for shares, paired comparisons on the same problems, and the bootstrap of whole grids.

Problems are the sample: methods are compared on the same ones, and the bootstrap resamples problems. Where a method ran with several seeds, its samples are a
second level below the problems.

Example:
    >>> wilson(81, 100).low < 0.81 < wilson(81, 100).high
    True
    >>> result = paired_bootstrap([[1, 0, 1, 1], [1, 1, 1, 1]], names=("Small", "Large"), reference="Large")
    >>> result.difference("Small").value
    -0.25
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BootstrapResult",
    "Estimate",
    "Interval",
    "McNemar",
    "Resampled",
    "clopper_pearson",
    "holm",
    "mcnemar",
    "paired_bootstrap",
    "resample",
    "weights",
    "wilson",
]

CHUNK_BYTES = 32 << 20
"""Most memory that one array of resampled problems takes."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: lower end, in the unit of what it is an interval of.
        high: upper end.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, or a difference of means, with its interval.

    Attributes:
        value: on the problems as they are.
        interval: percentile interval over the resampled problem sets.
    """

    value: float
    interval: Interval


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: expected a number between 0 and 1, such as 0.95, got {confidence!r}")


def _index(name: str, value: SupportsIndex) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name}: expected an integer, got {value!r}") from None


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a share, such as an accuracy.

    Args:
        successes: how many of the n succeeded, 0 to n.
        n: how many were tried. With 0 nothing is known, and the interval is from 0 to 1.
        confidence: the interval's level, between 0 and 1; default 0.95.

    Returns:
        The interval, a share (0 to 1), not percent.

    Raises:
        ValueError: a count is negative, no integer, or larger than n; or the confidence is outside (0, 1).

    Source:
        E. B. Wilson, JASA 22 (1927) 209-212, as `scipy.stats.binomtest(...).proportion_ci(method="wilson")` computes
        it.

    Example:
        >>> interval = wilson(8, 10)
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.49, 0.943)
    """
    return _share_interval(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The exact interval for a share: it covers the true one at least as often as it says, for every n.

    Args:
        successes: how many of the n succeeded, 0 to n.
        n: how many were tried. With 0 nothing is known, and the interval is from 0 to 1.
        confidence: the interval's level, between 0 and 1; default 0.95.

    Returns:
        The interval, a share (0 to 1). It is wider than Wilson's, which covers as often as it says on average only.

    Raises:
        ValueError: a count is negative, no integer, or larger than n; or the confidence is outside (0, 1).

    Source:
        C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413, as `scipy.stats.binomtest` computes it.

    Example:
        >>> interval = clopper_pearson(8, 10)
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.444, 0.975)
    """
    return _share_interval(successes, n, confidence, "exact")


def _share_interval(successes: int, n: int, confidence: float, method: str) -> Interval:
    successes, n = _index("successes", successes), _index("n", n)
    _check_confidence(confidence)
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"successes: expected 0 to n = {n} (and n at least 0), got {successes}")
    if n == 0:
        return Interval(0.0, 1.0)
    from scipy.stats import binomtest  # slow to import: only those pay who ask for an interval

    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method=method)
    return Interval(float(interval.low), float(interval.high))


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test. Made by `mcnemar`.

    Attributes:
        only_first: problems that the first method alone has right.
        only_second: problems that the second method alone has right.
        p_value: two-sided: how often so lopsided a split of these problems would come about if each were as likely to fall to either.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Whether two methods differ on the same problems: only those count that one has right and the other wrong.

    Args:
        first: shape (problems,), right or wrong: booleans, or 0 and 1.
        second: the same problems, in the same order.

    Returns:
        The two counts and the exact two-sided p-value; 1 where no problem tells the methods apart.

    Raises:
        ValueError: the shapes differ or are not (problems,), or a value is neither 0 nor 1.

    Source:
        Q. McNemar, Psychometrika 12 (1947) 153-157; exact: the binomial test of the discordant pairs.

    Example:
        >>> mcnemar([1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0])
        McNemar(only_first=6, only_second=0, p_value=0.03125)
    """
    one, two = np.asarray(first), np.asarray(second)
    if one.ndim != 1 or one.shape != two.shape or not len(one):
        raise ValueError(
            f"mcnemar: expected two of shape (problems,), the same problems, got {one.shape} and {two.shape}"
        )
    for name, values in (("first", one), ("second", two)):
        if not np.isin(values, (0, 1)).all():
            raise ValueError(
                f"mcnemar, {name}: expected right (1) or wrong (0) for every problem, got {values[~np.isin(values, (0, 1))][0]}"
            )
    only_first, only_second = int(((one == 1) & (two == 0)).sum()), int(((one == 0) & (two == 1)).sum())
    if only_first + only_second == 0:
        return McNemar(0, 0, 1.0)
    from scipy.stats import binomtest

    return McNemar(only_first, only_second, float(binomtest(only_first, only_first + only_second).pvalue))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values: compared with a level, they err at all with no more than that probability.

    Args:
        p_values: shape (tests,), each from 0 to 1.

    Returns:
        The adjusted ones, in the same order.

    Raises:
        ValueError: the shape is wrong, or a value is outside 0 to 1.

    Source:
        S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p_values: expected shape (tests,), each from 0 to 1, got {p_values!r}")
    order = np.argsort(values, kind="stable")
    left = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * left))
    return adjusted


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """Means of several methods on the same problems, with intervals. Made by `paired_bootstrap`.

    Attributes:
        names: the methods.
        means: one a method, in the order of `names` and in the unit of the values.
        reference: the method that the others are compared with; None where none was named.
        differences: each method's mean minus the reference's (0 for the reference itself); empty without a reference. Each interval holds by itself.
        simultaneous: intervals of the differences that hold all at once: wider, and the ones to read where several methods are compared.
        problems: how many problems.
        seeds: how many seeds each method ran with.
        confidence: level of the intervals.
        resamples: how many resampled problem sets.
    """

    names: tuple[str, ...]
    means: tuple[Estimate, ...]
    reference: str | None
    differences: tuple[Estimate, ...]
    simultaneous: tuple[Interval, ...]
    problems: int
    seeds: int
    confidence: float
    resamples: int

    def mean(self, name: str) -> Estimate:
        """A method's mean with its interval.

        Raises:
            KeyError: there is no such method.
        """
        return self.means[self._position(name)]

    def difference(self, name: str) -> Estimate:
        """A method's mean minus the reference's, on the same resampled problems, with its interval.

        Raises:
            KeyError: there is no such method, or no reference was named.
        """
        position = self._position(name)
        if self.reference is None:
            raise KeyError("no reference was named: call paired_bootstrap(..., reference=...)")
        return self.differences[position]

    def _position(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(f"no method {name!r}; there are {', '.join(map(repr, self.names))}")
        return self.names.index(name)


def _check_values(values: ArrayLike, names: Sequence[str] | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim == 2:
        table = table[:, np.newaxis, :]
    if table.ndim != 3 or 0 in table.shape:
        raise ValueError(
            "values: expected shape (methods, problems) or (methods, seeds, problems) with at least one of each, "
            f"got {np.shape(values)}"
        )
    chosen = tuple(names) if names is not None else tuple(str(i) for i in range(table.shape[0]))
    if len(chosen) != table.shape[0] or len(set(chosen)) != len(chosen):
        raise ValueError(f"names: expected {table.shape[0]} different names, one a row of values, got {chosen}")
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        method, seed, problem = (int(index) for index in bad[0])
        where = f"problem {problem} of method {chosen[method]!r}" + (f", seed {seed}," if table.shape[1] > 1 else "")
        raise ValueError(
            f"values: {where} is {table[method, seed, problem]} ({len(bad)} such in all): "
            "it was not graded. Leave out the problems that not every method has a grade for, or count them as you mean "
            "them to count (0: wrong)"
        )
    return table, chosen


def paired_bootstrap(
    values: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    reference: str | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> BootstrapResult:
    """Intervals for the means of several methods, and for their differences, from the same resampled problems.

    Problems differ in difficulty much more than methods differ in quality. Resampling the problems, and evaluating all
    methods on each resampled set, lets that common part cancel in the differences. With several seeds, each resampled
    problem draws its seeds anew, too, the same ones for all methods: seeds are nested in problems, since a run's samples of
    one problem tell nothing about those of another.

    Args:
        values: shape (methods, problems), or (methods, seeds, problems) where each method ran with several seeds; turned
            into float64: 1 and 0 for right and wrong, or a cost. All finite.
        names: the methods, one a row; default "0", "1", ...
        reference: the name of the method that the others are compared with; default none.
        confidence: level of the intervals, between 0 and 1; default 0.95.
        resamples: how many problem sets are drawn, with replacement, each as large as the given one; default 10,000.
        seed: of the draws; the same seed gives the same intervals whatever the memory. Default 0.

    Returns:
        Means, differences and their percentile intervals.

    Raises:
        ValueError: the shape is wrong, a value is NaN (a problem that was not graded) or infinite, or an argument is
            out of range.

    Source:
        B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile intervals);
        A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), section 3.8 (two levels; drawing
        both with replacement, as here, makes intervals rather too wide than too narrow).

    Example:
        >>> result = paired_bootstrap([[1, 0, 0, 1], [1, 1, 0, 1]], names=("Small", "COPE"), reference="COPE")
        >>> result.mean("COPE").value, result.difference("Small").value
        (0.75, -0.25)
    """
    _check_confidence(confidence)
    if _index("resamples", resamples) < 1:
        raise ValueError(f"resamples: expected at least 1, got {resamples}")
    table, chosen = _check_values(values, names)
    if reference is not None and reference not in chosen:
        raise ValueError(f"reference: expected one of {', '.join(map(repr, chosen))}, got {reference!r}")

    methods, seeds, problems = table.shape
    rng, seed_rng = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    drawn = np.empty((methods, resamples))
    chunk = max(1, CHUNK_BYTES // (seeds * problems * table.itemsize))
    for start in range(0, resamples, chunk):
        stop = min(start + chunk, resamples)
        picked = rng.integers(0, problems, size=(stop - start, 1, problems), dtype=np.int64)
        if seeds > 1:
            picked = picked + problems * seed_rng.integers(
                0, seeds, size=(stop - start, seeds, problems), dtype=np.int64
            )
        for method in range(methods):  # one at a time: picking from all at once would take methods times the memory
            drawn[method, start:stop] = table[method].take(picked).mean(axis=(1, 2))

    means = table.mean(axis=(1, 2))
    differences: tuple[Estimate, ...] = ()
    simultaneous: tuple[Interval, ...] = ()
    if reference is not None:
        base = chosen.index(reference)
        value, moved = means - means[base], drawn - drawn[base]
        differences = _estimates(value, moved, confidence)
        low, high = _max_t(value, moved.T, confidence)
        simultaneous = tuple(map(Interval, low.tolist(), high.tolist()))
    return BootstrapResult(
        names=chosen,
        means=_estimates(means, drawn, confidence),
        reference=reference,
        differences=differences,
        simultaneous=simultaneous,
        problems=problems,
        seeds=seeds,
        confidence=confidence,
        resamples=resamples,
    )


def _estimates(values: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float) -> tuple[Estimate, ...]:
    """Values of shape (methods,) with percentile intervals of what was drawn, of shape (methods, resamples)."""
    low, high = np.quantile(drawn, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0), axis=1)
    return tuple(
        Estimate(*each) for each in zip(values.tolist(), map(Interval, low.tolist(), high.tolist()), strict=True)
    )


def _max_t(
    value: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intervals that hold all at once: value of shape (points,), drawn of shape (resamples, points)."""
    spread = drawn.std(axis=0)
    moving = spread > 1e-12 * np.abs(value)  # what never moves has no studentised deviation; rounding is no movement
    if not moving.any():
        return value, value
    worst = (np.abs(drawn[:, moving] - value[moving]) / spread[moving]).max(axis=1)
    half = float(np.quantile(worst, confidence)) * np.where(moving, spread, 0.0)
    return value - half, value + half


def weights(problems: int, resamples: int, *, seed: int = 0, seeds: int = 1) -> NDArray[np.float64]:
    """How often each problem (and seed) is in each resampled set: a matrix that turns a bootstrap into one product.

    Args:
        problems: how many there are.
        resamples: how many sets are drawn, each as large as the given one.
        seed: of the draws. Default 0.
        seeds: how many seeds each problem was run with; each problem drawn draws its seeds anew. Default 1.

    Returns:
        Shape (resamples, seeds * problems), float64; seed s of problem p is column s * problems + p. Every row sums to 1.

    Raises:
        ValueError: an argument is no integer or smaller than 1.

    Example:
        >>> weights(4, 1000).sum(axis=1).round(12).min()
        np.float64(1.0)
    """
    for name, number in (("problems", problems), ("resamples", resamples), ("seeds", seeds)):
        if _index(name, number) < 1:
            raise ValueError(f"{name}: expected at least 1, got {number}")
    return np.concatenate(list(_weight_blocks(problems, resamples, seed, seeds, resamples)))


def _weight_blocks(problems: int, resamples: int, seed: int, seeds: int, rows: int) -> Iterator[NDArray[np.float64]]:
    """The rows of `weights`, so many at a time; the same whatever that is."""
    rng, seed_rng = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.multinomial(problems, np.full(problems, 1.0 / problems), size=size)
        if seeds > 1:
            split = seed_rng.multinomial(drawn * seeds, np.full(seeds, 1.0 / seeds))  # (size, problems, seeds)
            drawn = split.transpose(0, 2, 1).reshape(size, seeds * problems)
        yield drawn / float(problems * seeds)


@dataclass(frozen=True, slots=True)
class Resampled:
    """Means of many points over the same problems, with what they are on resampled problem sets. Made by `resample`.

    Attributes:
        value: shape (...), the means on the problems as they are.
        drawn: shape (resamples, ...), the means on each resampled set. Two of these made with the same seed and numbers of problems and seeds are paired:
            their differences, and any function of them, may be taken row by row.
    """

    value: NDArray[np.float64]
    drawn: NDArray[np.float64]

    def interval(self, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Percentile intervals that hold point by point.

        Args:
            confidence: their level, between 0 and 1; default 0.95.

        Returns:
            Lower and upper ends, each of the shape of `value`.

        Raises:
            ValueError: the confidence is outside (0, 1).
        """
        _check_confidence(confidence)
        low, high = np.quantile(self.drawn, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0), axis=0)
        return low, high

    def band(self, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Intervals that hold for all points at once (the largest studentised deviation), where several are read off one figure.

        Args:
            confidence: their common level, between 0 and 1; default 0.95.

        Returns:
            Lower and upper ends, each of the shape of `value`.

        Raises:
            ValueError: the confidence is outside (0, 1).
        """
        _check_confidence(confidence)
        low, high = _max_t(self.value.ravel(), self.drawn.reshape(len(self.drawn), -1), confidence)
        return low.reshape(self.value.shape), high.reshape(self.value.shape)


def resample(*values: ArrayLike, resamples: int = 1000, seed: int = 0) -> Resampled:
    """Bootstraps the means of many points at once, such as a whole grid of thresholds: problems, and seeds where there are several.

    Args:
        values: shape (problems, ...): each problem's value at every point, finite. With several seeds one such array a seed, all of one shape.
        resamples: how many problem sets are drawn; default 1,000.
        seed: of the draws. Default 0.

    Returns:
        The means, of shape (...), with those of every resampled set.

    Raises:
        ValueError: there is no problem, the shapes differ, or a value is NaN or infinite.

    Source:
        Davison and Hinkley (1997), section 3.8; see `paired_bootstrap`.

    Example:
        >>> grid = resample([[1, 0], [1, 1], [0, 0], [1, 1]])
        >>> grid.value.tolist(), grid.drawn.shape
        ([0.75, 0.5], (1000, 2))

        Sweeps of recordings with several seeds:

        >>> resample(*(sweep.per_problem()["correct"] for sweep in sweeps))  # doctest: +SKIP
    """
    shapes = [np.shape(each) for each in values]
    if not shapes or not shapes[0] or shapes[0][0] == 0 or len(set(shapes)) > 1:
        raise ValueError(f"values: expected shape (problems, ...), one array a seed and all of one shape, got {shapes}")
    table = np.concatenate([np.asarray(each, dtype=np.float64) for each in values]).reshape(
        len(values) * shapes[0][0], -1
    )
    if not np.isfinite(table).all():
        row, point = (int(index) for index in np.argwhere(~np.isfinite(table))[0])
        raise ValueError(
            f"values: problem {row % shapes[0][0]} at point {point} is {table[row, point]}: leave out problems that not every point has a value for"
        )
    if _index("resamples", resamples) < 1:
        raise ValueError(f"resamples: expected at least 1, got {resamples}")
    rows = max(1, CHUNK_BYTES // (len(table) * table.itemsize))
    blocks = _weight_blocks(shapes[0][0], resamples, seed, len(values), rows)
    drawn = np.concatenate([block @ table for block in blocks])
    return Resampled(table.mean(axis=0).reshape(shapes[0][1:]), drawn.reshape(resamples, *shapes[0][1:]))
