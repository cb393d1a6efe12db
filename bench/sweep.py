"""Sweeps of a recording: the exact expectation over subsets against Monte Carlo and against NumPy, and the bootstrap of the whole grid, in one run.

500 problems, 32 recorded samples in each of two voting stages and one of the last, 8 values of k, 33 x 33 thresholds. Peers:

- Monte Carlo as one writes it with NumPy: 1,000 random orders of the samples of each problem, votes counted at each k by one matrix product of one-hot
  labels, thresholds compared, answers looked up. One value of k and `DRAWS_MEASURED` draws are timed and scaled to all of them: its cost is proportional.
- The same closed form in vectorised NumPy: generating functions of all problems at once.
- For the bootstrap: the matrix product that it needs, 1,000 resamples x problems x points, by NumPy.

    python bench/sweep.py

Prints one line of JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from cope import _core

P, N, CLASSES, DRAWS, DRAWS_MEASURED = 500, 32, 6, 1000, 50
K = np.array([1, 2, 4, 8, 12, 16, 24, 32], np.int32)
TAUS = np.array([[i, 32] for i in range(33)], np.int64)
RESAMPLES = 1000


def labels(seed: int, problems: int) -> NDArray[np.int32]:
    """[problems, N]: problems differ in how much their samples agree; some samples are unscored (-1)."""
    random = np.random.default_rng(seed)
    agreement = random.beta(2.0, 1.0, size=(problems, 1))
    agree = random.random((problems, N)) < agreement
    return np.where(agree, 0, random.integers(-1, CLASSES, size=(problems, N))).astype(np.int32)


def stages(problems: int = P) -> list[dict[str, Any]]:
    """COPE's three stages, as _core.sweep takes them."""
    gate = {"measure": "consensus", "comparison": ">", "thresholds": TAUS}
    made = []
    for seed in (0, 1):
        classes = labels(seed, problems)[:, None, :].copy()
        made.append({"gate": gate, "classes": classes, "correct": (classes == 0).astype(np.uint8)})
    last = np.zeros((problems, 1, 1), np.int32)
    always = {"measure": "always", "comparison": ">"}
    return [*made, {"gate": always, "classes": last, "correct": (last == 0).astype(np.uint8), "uses_k": False}]


def timed(work: Callable[[], Any], rounds: int = 3) -> float:
    """The shortest of a few runs, in seconds."""
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def monte_carlo(recorded: list[dict[str, Any]], k: int, draws: int) -> NDArray[np.float64]:
    """The expected accuracy [33, 33] at one k."""
    random = np.random.default_rng(0)
    taus = TAUS[:, 0] / TAUS[:, 1]
    accepted, right = [], []
    for stage in recorded[:2]:
        classes = stage["classes"][:, 0]
        order = np.argsort(random.random((P, draws, N)), axis=2)[:, :, :k]
        one_hot = np.zeros((P, N, CLASSES), np.float32)
        problem, sample = np.nonzero(classes >= 0)
        one_hot[problem, sample, classes[problem, sample]] = 1
        chosen = np.zeros((P, draws, N), np.float32)
        np.put_along_axis(chosen, order, 1, axis=2)
        votes = chosen @ one_hot  # the product: [P, draws, CLASSES]
        winner = (votes + 0.5 * random.random(votes.shape, np.float32)).argmax(axis=2)  # ties: any of them
        accepted.append(votes.max(axis=2)[:, :, None] > taus * k)
        right.append(winner == 0)
    first, second = accepted
    one = (first * right[0][:, :, None]).mean(axis=(0, 1))
    two = np.einsum("pdi,pdj->ij", (~first).astype(np.float32), (second * right[1][:, :, None]).astype(np.float32))
    three = np.einsum("pdi,pdj->ij", (~first).astype(np.float32), (~second).astype(np.float32))
    return one[:, None] + (two + three) / (P * draws)


def numpy_closed_form(recorded: list[dict[str, Any]]) -> NDArray[np.float64]:
    """The expected accuracy [K, 33, 33] by the same generating functions, all problems at once."""
    wins: list[NDArray[np.float64]] = []  # of each stage [K, P, votes + 1, right or wrong]
    for stage in recorded[:2]:
        classes = stage["classes"][:, 0]
        counts = np.stack([(classes == c).sum(axis=1) for c in range(-1, CLASSES)], axis=1)  # [P, 1 + CLASSES]
        ways_of = comb(counts[:, :, None], np.arange(N + 1)[None, None, :])  # [P, class, i]
        found = np.zeros((len(K), P, N + 1, 2))
        for m in range(1, N + 1):
            for c in range(1, CLASSES + 1):
                alive = counts[:, c] >= m
                if not alive.any():
                    continue
                most = N - m
                poly = np.zeros((alive.sum(), CLASSES, most + 1))  # [P, ties, d]
                poly[:, 0, :] = ways_of[alive, 0, : most + 1]
                for other in range(1, CLASSES + 1):
                    if other == c:
                        continue
                    grown = np.zeros_like(poly)
                    for i in range(min(m, most) + 1):
                        factor = ways_of[alive, other, i][:, None, None]
                        if i < m:
                            grown[:, :, i:] += factor * poly[:, :, : most + 1 - i]
                        else:
                            grown[:, 1:, i:] += factor * poly[:, :-1, : most + 1 - i]
                    poly = grown
                ways = (poly / np.arange(1, CLASSES + 1)[None, :, None]).sum(axis=1) * ways_of[alive, c, m][:, None]
                for index, k in enumerate(K):
                    if k >= m:
                        found[index, alive, m, 1 if c == 1 else 0] += ways[:, k - m] / comb(N, k)
        wins.append(found)
    grid = np.zeros((len(K), 33, 33))
    for index, k in enumerate(K):
        above = [np.arange(N + 1)[None, :] * 32 > TAUS[:, :1] * k for _ in wins]
        right = [np.einsum("pm,tm->pt", found[index, :, :, 1], over) for found, over in zip(wins, above, strict=True)]
        ends = [np.einsum("pmr,tm->pt", found[index], over) for found, over in zip(wins, above, strict=True)]
        reject = 1 - ends[0]
        later = right[1] + (1 - ends[1])
        grid[index] = (right[0].sum(axis=0)[:, None] + np.einsum("pi,pj->ij", reject, later)) / P
    return grid


def main() -> None:
    """Measures and prints."""
    recorded = stages()

    def exact() -> NDArray[np.float64]:
        return _core.sweep(recorded, K, estimator="subsets")["correct"] / P  # type: ignore[arg-type]

    closed = numpy_closed_form(recorded)
    if not np.allclose(closed, exact(), rtol=0, atol=1e-9):
        raise SystemExit("the two closed forms disagree: the benchmark compares nothing")
    drawn = monte_carlo(recorded, 8, DRAWS_MEASURED)
    if abs(drawn - exact()[3]).max() > 0.02:
        raise SystemExit("Monte Carlo disagrees: the benchmark compares nothing")

    exact_s = timed(exact, 5)
    numpy_s = timed(lambda: numpy_closed_form(recorded), 2)
    monte_carlo_s = sum(timed(lambda k=k: monte_carlo(recorded, k, DRAWS_MEASURED), 1) for k in K.tolist())  # type: ignore[misc]
    monte_carlo_s *= DRAWS / DRAWS_MEASURED

    weights = np.random.default_rng(0).multinomial(P, np.full(P, 1 / P), size=RESAMPLES).astype(np.float64)
    points = np.random.default_rng(1).random((P, len(K) * 33 * 33))
    gemm_s = timed(lambda: weights @ points)
    bootstrap_s = timed(lambda: _core.sweep_bootstrap(recorded, K, weights))  # type: ignore[arg-type]
    by_problems = {}
    for problems in (250, 500, 1000, 2000):
        many = stages(problems)
        seconds = timed(lambda of=many: _core.sweep(of, K, estimator="subsets"), 5)  # type: ignore[misc]
        by_problems[str(problems)] = round(seconds / problems * 1e6, 2)
    print(
        json.dumps(
            {
                "bench": "sweep",
                "exact_ms": round(exact_s * 1e3, 2),
                "monte_carlo_over_exact": round(monte_carlo_s / exact_s),
                "monte_carlo_draws_measured": DRAWS_MEASURED,
                "numpy_over_exact": round(numpy_s / exact_s, 1),
                "bootstrap_over_gemm": round(bootstrap_s / gemm_s, 2),
                "us_per_problem_by_problems": by_problems,
                "most_over_least_us_per_problem": round(max(by_problems.values()) / min(by_problems.values()), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
