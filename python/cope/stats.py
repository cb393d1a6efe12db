"""Statistics of evaluations: intervals for shares, and the paired bootstrap that compares methods on the same problems.

Example:
    >>> wilson(81, 100).low < 0.81 < wilson(81, 100).high
    True
    >>> result = paired_bootstrap([[1, 0, 1, 1], [1, 1, 1, 1]], names=("Small", "Large"), reference="Large")
    >>> result.difference("Small").value
    -0.25
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BootstrapResult", "Estimate", "Interval", "paired_bootstrap", "wilson"]

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
    successes, n = _index("successes", successes), _index("n", n)
    _check_confidence(confidence)
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"successes: expected 0 to n = {n} (and n at least 0), got {successes}")
    if n == 0:
        return Interval(0.0, 1.0)
    from scipy.stats import binomtest  # slow to import: only those pay who ask for an interval

    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """Means of several methods on the same problems, with intervals. Made by `paired_bootstrap`.

    Attributes:
        names: the methods.
        means: one a method, in the order of `names` and in the unit of the values.
        reference: the method that the others are compared with; None where none was named.
        differences: each method's mean minus the reference's (0 for the reference itself); empty without a reference.
        problems: how many problems.
        confidence: level of the intervals.
        resamples: how many resampled problem sets.
    """

    names: tuple[str, ...]
    means: tuple[Estimate, ...]
    reference: str | None
    differences: tuple[Estimate, ...]
    problems: int
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
    if table.ndim != 2 or table.shape[0] == 0 or table.shape[1] == 0:
        raise ValueError(f"values: expected shape (methods, problems) with at least one of each, got {table.shape}")
    chosen = tuple(names) if names is not None else tuple(str(i) for i in range(table.shape[0]))
    if len(chosen) != table.shape[0] or len(set(chosen)) != len(chosen):
        raise ValueError(f"names: expected {table.shape[0]} different names, one a row of values, got {chosen}")
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        method, problem = (int(index) for index in bad[0])
        raise ValueError(
            f"values: problem {problem} of method {chosen[method]!r} is {table[method, problem]} ({len(bad)} such in all): "
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
    methods on each resampled set, lets that common part cancel in the differences.

    Args:
        values: shape (methods, problems), turned into float64: 1 and 0 for right and wrong, or a cost. All finite.
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
        B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile intervals).

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

    methods, problems = table.shape
    rng = np.random.default_rng(seed)
    drawn = np.empty((methods, resamples))
    chunk = max(1, CHUNK_BYTES // (problems * table.itemsize))
    for start in range(0, resamples, chunk):
        stop = min(start + chunk, resamples)
        picked = rng.integers(0, problems, size=(stop - start, problems), dtype=np.int64)
        for method in range(methods):  # one at a time: picking from all at once would take methods times the memory
            drawn[method, start:stop] = table[method].take(picked).mean(axis=1)

    means = table.mean(axis=1)
    differences: tuple[Estimate, ...] = ()
    if reference is not None:
        base = chosen.index(reference)
        differences = _estimates(means - means[base], drawn - drawn[base], confidence)
    return BootstrapResult(
        names=chosen,
        means=_estimates(means, drawn, confidence),
        reference=reference,
        differences=differences,
        problems=problems,
        confidence=confidence,
        resamples=resamples,
    )


def _estimates(values: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float) -> tuple[Estimate, ...]:
    """Values of shape (methods,) with percentile intervals of what was drawn, of shape (methods, resamples)."""
    low, high = np.quantile(drawn, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0), axis=1)
    return tuple(
        Estimate(*each) for each in zip(values.tolist(), map(Interval, low.tolist(), high.tolist()), strict=True)
    )
