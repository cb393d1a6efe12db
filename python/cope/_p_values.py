"""p-values of "the mean of a loss is above a limit", valid for any number of independent problems. Public as `cope.risk`'s."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def binomial_p_values(errors: ArrayLike, n: ArrayLike, max_error: float) -> Floats:
    """Exact p-values of "the error rate is above max_error", from counts.

    Given how many problems were accepted, the wrong ones among them are binomial; so the number accepted may itself be random.

    Args:
        errors: how many were wrong; any shape.
        n: of how many; the same shape. Of none nothing is known: 1.
        max_error: the limit, between 0 and 1.

    Returns:
        The probability of so few errors or fewer, were the rate max_error.

    Example:
        >>> binomial_p_values([0, 5, 0], [29, 29, 0], 0.1).round(3).tolist()
        [0.047, 0.936, 1.0]
    """
    from scipy.stats import binom

    wrong, tried = np.broadcast_arrays(np.asarray(errors), np.asarray(n))
    p_values: Floats = np.where(tried > 0, binom.cdf(wrong, np.maximum(tried, 1), max_error), 1.0)
    return p_values


def hoeffding_bentkus_p_values(mean: ArrayLike, n: int, limit: float) -> Floats:
    """p-values of "the mean of a loss in [0, 1] is above the limit", from the means of n independent losses.

    Args:
        mean: sample means; any shape, each from 0 to 1.
        n: how many losses each is a mean of.
        limit: between 0 and 1.

    Returns:
        The smaller of Hoeffding's and Bentkus's bounds.

    Source:
        S. Bates et al., Distribution-free, risk-controlling prediction sets (arXiv 2101.02703), section 3.1; Learn then Test, section 2.

    Example:
        >>> hoeffding_bentkus_p_values([0.02, 0.1], 200, 0.1).round(5).tolist()
        [2e-05, 1.0]
    """
    from scipy.special import xlogy
    from scipy.stats import binom

    found = np.asarray(mean, dtype=np.float64)
    below = np.minimum(found, limit)
    divergence = xlogy(below, below / limit) + xlogy(1 - below, (1 - below) / (1 - limit))
    bentkus = np.e * binom.cdf(np.ceil(np.round(n * found, 9)), n, limit)  # rounded: 0.07 * 100 is above 7
    p_values: Floats = np.minimum(1.0, np.minimum(np.exp(-n * divergence), bentkus))
    return p_values


def betting_p_values(losses: ArrayLike, low: float, high: float, limit: float, *, confidence: float = 0.9) -> Floats:
    """p-values of "the mean of a bounded loss is above the limit" that profit from a small variance.

    A gambler starts with 1 and bets, before each problem, on a loss below the limit, with stakes from the problems before. Were the mean above the limit, her
    capital would grow beyond c with probability at most 1 / c.

    Args:
        losses: shape (problems, points), in an order that does not depend on the losses.
        low: the smallest loss that there can be.
        high: the largest.
        limit: between them.
        confidence: the level that the stakes are made for; the p-values hold for any. Default 0.9.

    Returns:
        Shape (points,): one over the most capital that she ever had.

    Source:
        I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting (JRSS B 86, 2024), as in Learn then Test's use of
        Bates et al., section 3.1.

    Example:
        >>> losses = np.zeros((300, 1))
        >>> losses[::50] = 1
        >>> betting_p_values(losses, -1, 1, 0.05).round(4).tolist()
        [0.0314]
    """
    scaled = (np.asarray(losses, dtype=np.float64) - low) / (high - low)
    bound = (limit - low) / (high - low)
    n, size = scaled.shape
    wealth, most = np.zeros(size), np.zeros(size)
    total, squares = np.full(size, 0.5), np.full(size, 0.25)  # as if one loss of 1/2 with variance 1/4 had come before
    log_odds = np.log(1.0 / (1.0 - confidence))
    for i in range(n):
        stake = np.minimum(np.sqrt(2.0 * log_odds * (i + 1) / (n * squares)), 0.75 / (1.0 - bound))
        wealth += np.log1p(-stake * (scaled[i] - bound))
        np.maximum(most, wealth, out=most)
        total += scaled[i]
        squares += (scaled[i] - total / (i + 2)) ** 2
    return np.exp(-most)
